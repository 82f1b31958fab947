"""Checks and drills by the real daemon, and without it."""

import json

import pytest

from daemons import appear, as_nobody, daemon_on, differences

FILES = {"package.json": "{}", "app.js": "// one\n", "src/deep/x.js": "x\n"}


@pytest.fixture(scope="module")
def site(prepare_site):
    with prepare_site() as site:
        yield site


@pytest.fixture(scope="module")
def daemon(site):
    with daemon_on(site) as daemon:
        daemon.start()
        yield daemon


@pytest.fixture
def sid(site, daemon):
    sid, home = site.session()
    appear(home, {**FILES, "own.js": f"// {sid}\n"})
    assert daemon.cli("save", sid).returncode == 0
    return sid


def lines(ended):
    return [json.loads(line) for line in ended.stdout.splitlines()]


def lose(site, sid):
    """Take the objects of a session away."""
    with site.asking() as s3:
        page = s3.list_objects_v2(Bucket=site.bucket, Prefix=f"v1/main/{sid}/")
        for found in page["Contents"]:
            s3.delete_object(Bucket=site.bucket, Key=found["Key"])


@pytest.mark.parametrize("how", [(), ("--direct",)])
def test_what_is_whole_is_found_whole(daemon, sid, how):
    checked = daemon.cli("check", sid, "--read-data", *how, "--json")

    assert checked.returncode == 0, checked.stderr
    assert lines(checked)[-1]["is_well"]
    assert lines(checked)[-1]["read_packs"] >= 1

    drilled = daemon.cli("drill", sid, *how)

    assert drilled.returncode == 0, drilled.stderr
    assert drilled.stdout.startswith(f"proved  {sid}@1: 4 files")
    assert not list((daemon.state / "drill").iterdir())


@pytest.mark.parametrize("how", [(), ("--direct",)])
def test_what_is_lost_is_named_and_shown(daemon, site, sid, how):
    lose(site, sid)

    checked = daemon.cli("check", sid, *how)

    assert checked.returncode == 15
    assert "missing-object" in checked.stdout
    assert f"cannot be restored whole: {sid}@1" in checked.stdout

    drilled = daemon.cli("drill", sid, *how, "--json")

    assert drilled.returncode == 15
    assert not lines(drilled)[-1]["is_well"]
    status = daemon.cli("status")
    assert "state           degraded" in status.stdout
    assert "last check      DAMAGE" in status.stdout
    assert "last drill      DAMAGE" in status.stdout


def test_what_the_directory_still_has_is_mended(daemon, site, sid, tmp_path):
    lose(site, sid)

    planned = daemon.cli("repair", "catalog", "--dry-run")

    assert planned.returncode == 0, planned.stderr
    assert f"contents  {sid} ({sid}@1)" in planned.stdout

    for what in ("catalog", "manifests"):
        repaired = daemon.cli("repair", what, "--yes")
        assert repaired.returncode == 0, repaired.stdout + repaired.stderr
    assert daemon.cli("check", sid, "--read-data").returncode == 0
    back = tmp_path / "back"
    assert daemon.cli("restore", sid, "--to", back).returncode == 0
    assert differences(back, site.watch / f"expo-{sid}") == ""
    assert daemon.cli("repair", "spool").stdout == "nothing to mend\n"


@pytest.mark.parametrize(
    "words", [("check",), ("drill",), ("repair", "catalog", "--dry-run")]
)
def test_only_operators_prove_and_mend(daemon, as_root, words):
    ended = daemon.cli(*words, before=as_nobody())

    assert ended.returncode == 12
    assert "for operators" in ended.stderr
