"""What comes from outside: a session when it is right, and nothing when it is not."""

import io
import os
import subprocess
import tarfile
from pathlib import Path

import pytest

from daemons import NOBODY, QUICK, differences, digests, write

SETTINGS = QUICK.replace("200ms", "10s").replace("1s", "10s", 1)
"""Slow to settle: what is saved here was asked for, and has its message."""
PROJECT = {"App.js": "export default 1;\n", "package.json": "{}\n", "src/a.js": "a"}


@pytest.fixture(scope="module")
def project(site) -> Path:
    top = site.top / "elsewhere"
    write(top, PROJECT)
    (top / "run").write_text("#!/bin/sh\n")
    (top / "run").chmod(0o755)
    (top / "link").symlink_to("src/a.js")
    return top


def test_an_archive_becomes_a_session_that_is_saved(daemon, site, project):
    sid, place = site.session()
    archive = site.top / "shop.tar.gz"
    subprocess.run(
        ["tar", "-czf", archive, "-C", project.parent, project.name], check=True
    )

    told = daemon.ask(
        *("import", "--from-archive", archive, "--session", sid),
        *("--user", "alice", "-m", "from a friend", "--name", "Shop"),
    )

    assert (told["session"], told["version"], told["skipped"]) == (sid, 1, [])
    assert differences(project, place) == ""
    (version,) = site.versions(sid)
    assert (version["message"], version["author"]) == ("from a friend", "alice")
    back = site.top / f"{sid}-back"
    daemon.ask("restore", sid, "--to", back)
    assert differences(project, back) == ""


def test_what_was_exported_comes_back_through_a_pipe(daemon, site, project):
    first = daemon.ask("import", "--from-archive", tarred(site, project))["session"]
    archive = site.top / f"{first}.zip"
    daemon.ask("export", first, "--format", "zip", "-o", archive)

    with archive.open("rb") as file:
        done = daemon.cli("import", "--from-archive", "-", "-q", stdin=file)

    second = done.stdout.strip()
    assert done.returncode == 0, done.stderr
    one, other = (site.versions(sid)[-1]["tree"] for sid in (first, second))
    assert one == other


def tarred(site, project: Path) -> Path:
    archive = site.top / "plain.tar"
    subprocess.run(["tar", "-cf", archive, "-C", project, "."], check=True)
    return archive


def test_a_repository_becomes_a_session(daemon, site, project):
    repository = site.top / "repository"
    subprocess.run(["cp", "-a", project, repository], check=True)
    who = {"GIT_AUTHOR_NAME": "a", "GIT_AUTHOR_EMAIL": "a@b.c"}
    who |= {"GIT_COMMITTER_NAME": "a", "GIT_COMMITTER_EMAIL": "a@b.c"}
    environment = {"PATH": os.environ["PATH"], "HOME": str(site.top), **who}
    for words in (("init", "-q"), ("add", "-A"), ("commit", "-q", "-m", "all")):
        subprocess.run(["git", "-C", repository, *words], check=True, env=environment)

    told = daemon.ask("import", "--from-git", repository)

    assert differences(project, Path(told["directory"])) == ""
    (version,) = site.versions(told["session"])
    assert f"imported from file://{repository} at " in version["message"]


def test_a_history_that_was_exported_comes_back_as_its_newest_version(
    daemon, site, project
):
    first = daemon.ask("import", "--from-archive", tarred(site, project))["session"]
    repository = site.top / f"{first}.git"
    daemon.ask("export", first, "--format", "git", "-o", repository)

    second = daemon.ask("import", "--from-git", repository)["session"]

    one, other = (site.versions(sid)[-1]["tree"] for sid in (first, second))
    assert one == other


def hostile(name: str, kind: bytes = tarfile.REGTYPE, link: str = "") -> bytes:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("App.js"))
        member = tarfile.TarInfo(name)
        member.type, member.linkname = kind, link
        archive.addfile(member)
    return made.getvalue()


@pytest.mark.parametrize(
    "archive",
    [
        hostile("../escaped"),
        hostile("/tmp/escaped"),
        hostile("null", tarfile.CHRTYPE),
        hostile("shadow", tarfile.LNKTYPE, "/etc/shadow"),
    ],
    ids=["climbs", "absolute", "a device", "another file"],
)
def test_what_is_hostile_leaves_nothing(daemon, site, archive):
    sid, place = site.session()
    (site.top / "hostile.tar").write_bytes(archive)
    before = sorted(os.listdir(site.watch))

    refused = daemon.cli(
        "import", "--from-archive", site.top / "hostile.tar", "--session", sid
    )

    assert refused.returncode == 15
    assert "Nothing of it was written" in refused.stderr
    assert sorted(os.listdir(site.watch)) == before
    assert not place.exists()
    assert site.versions(sid) == []


def test_what_leads_out_is_left_out_and_named(daemon, site):
    (site.top / "links.tar").write_bytes(
        hostile("passwd", tarfile.SYMTYPE, "/etc/passwd")
    )

    done = daemon.cli("import", "--from-archive", site.top / "links.tar")

    assert done.returncode == 3
    assert "passwd is a link that leads out" in done.stderr


def test_a_session_that_is_kept_is_not_written_over(daemon, site, project):
    archive = tarred(site, project)
    sid = daemon.ask("import", "--from-archive", archive)["session"]
    place = site.watch / f"expo-{sid}"
    (place / "App.js").write_text("// mine\n")

    again = daemon.cli("import", "--from-archive", archive, "--session", sid)
    assert again.returncode == 4
    assert (place / "App.js").read_text() == "// mine\n"
    busy, other = site.session()
    write(other, {"mine": "x"})
    in_use = daemon.cli("import", "--from-archive", archive, "--session", busy)

    assert in_use.returncode == 4
    assert digests(other).keys() == {"mine"}


def test_on_behalf_of_a_user_it_is_that_users(daemon, site, project):
    archive = tarred(site, project)

    sid = daemon.ask("--as", "carol", "import", "--from-archive", archive)["session"]

    assert daemon.cli("--as", "carol", "log", sid).returncode == 0
    assert daemon.cli("--as", "mallory", "log", sid).returncode == 10


def test_the_files_can_be_given_to_whoever_works_on_them(daemon, site, project):
    words = ("import", "--from-archive", tarred(site, project))
    words += ("--owner", f"{NOBODY}:{NOBODY}")
    if os.geteuid() != 0:
        assert daemon.cli(*words).returncode == 2
        return

    told = daemon.ask(*words)

    place = Path(told["directory"])
    found = {(one.lstat().st_uid, one.lstat().st_gid) for one in place.rglob("*")}
    assert found | {(place.stat().st_uid, place.stat().st_gid)} == {(NOBODY, NOBODY)}
