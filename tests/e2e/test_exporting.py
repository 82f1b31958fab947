"""Versions for other tools: archives, histories, links, and what everybody may see."""

import hashlib
import json
import os
import subprocess
import sys
import tarfile
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from daemons import (
    QUICK,
    appear,
    as_nobody,
    differences,
    digests,
    run,
    until,
    write,
)

SETTINGS = QUICK.replace("200ms", "10s").replace("1s", "10s", 1)
SETTINGS += "compat-archive: always\n"
"""Slow to settle: what is saved here was asked for, and has its message."""
SECRET = "SECRET=never-to-be-seen-outside\n"
KEY = "ghp_" + "aB3dE6gH9jK2mN5pQ8sT1vW4yZ7bC0eF3hJ6"
PROJECT = {
    "App.js": "export default 1;\n",
    "package.json": '{"name": "shop"}\n',
    "src/Button.js": "// a button\n",
    ".env": SECRET,
    "src/config.js": f'export const token = "{KEY}";\n',
}


def kept(daemon, site, files=None) -> tuple[str, Path]:
    """Have a project kept, and return its session and its directory."""
    sid, place = site.session()
    appear(place, files or PROJECT)
    daemon.ask("save", sid)
    return sid, place


@pytest.fixture(scope="module")
def shop(daemon, site) -> tuple[str, Path]:
    """A project that stays as it is."""
    return kept(daemon, site)


def fetched(url: str) -> tuple[int, bytes, dict[str, str]]:
    try:
        with urllib.request.urlopen(url, timeout=20) as answer:
            return answer.status, answer.read(), dict(answer.headers)
    except urllib.error.HTTPError as error:
        return error.code, b"", {}


def keys(site, prefix: str = "") -> list[str]:
    with site.asking() as s3:
        found = s3.list_objects_v2(Bucket=site.bucket, Prefix=prefix)
    return sorted(one["Key"] for one in found.get("Contents", []))


def unpacked(archive: bytes, into: Path) -> Path:
    into.mkdir()
    (into / "a.tar.gz").write_bytes(archive)
    command = ["tar", "-xzf", "a.tar.gz", "--strip-components=1"]
    subprocess.run(command, cwd=into, check=True)
    (into / "a.tar.gz").unlink()
    return into


def test_the_newest_version_comes_as_an_archive_of_everything(daemon, site, shop):
    sid, place = shop
    target = site.top / f"{sid}.tar.gz"

    told = daemon.ask("export", sid, "-o", target)

    assert told["size_bytes"] == target.stat().st_size
    assert sorted(told["secrets"]) == [".env", "src/config.js"]
    assert target.stat().st_mode & 0o777 == 0o600
    assert differences(place, unpacked(target.read_bytes(), site.top / sid)) == ""
    with tarfile.open(target) as tar:
        assert {name.partition("/")[0] for name in tar.getnames()} == {sid}


def test_a_version_is_the_same_bytes_however_it_is_asked_for(daemon, site):
    sid, place = kept(daemon, site)
    first, second = site.top / f"{sid}.1", site.top / f"{sid}.2"
    daemon.ask("export", f"{sid}@1", "--format", "zip", "-o", first)
    write(place, {"App.js": "// changed\n"})
    daemon.ask("save", sid)

    daemon.ask("export", f"{sid}@1", "--format", "zip", "-o", second)
    piped = subprocess.run(
        [
            *(Path(sys.executable).with_name("expokeep"), "export", f"{sid}@1", "-q"),
            *("--format", "zip", "-o", "-", "--direct", "-c", daemon.config),
        ],
        env={**daemon.environment, "EXPOKEEP_STATE_DIR": str(daemon.state)},
        capture_output=True,
        check=True,
    ).stdout

    assert first.read_bytes() == second.read_bytes()
    assert hashlib.sha256(piped).digest() == hashlib.sha256(first.read_bytes()).digest()


def test_a_directory_is_what_was_kept_and_never_in_the_way(daemon, site, shop):
    sid, place = shop
    target = site.top / f"{sid}-dir"

    daemon.ask("export", sid, "--format", "dir", "-o", target)
    again = daemon.cli("export", sid, "--format", "dir", "-o", target)

    assert differences(place, target) == ""
    assert again.returncode == 4
    assert "-o" in again.stderr


def test_a_history_is_commits_that_are_its_versions(daemon, site):
    sid, place = site.session()
    elsewhere = site.top / "elsewhere"
    write(elsewhere, {"App.js": "1", "run": "#!/bin/sh\n", "src/a.js": "a"})
    (elsewhere / "run").chmod(0o755)
    (elsewhere / "link").symlink_to("src/a.js")
    (elsewhere / os.fsdecode(b'odd "\xff"\n')).write_text("odd")
    elsewhere.rename(place)
    saved = daemon.ask("save", sid, "-m", "the demo", "--user", "alice")
    version = saved["version"]
    daemon.ask("label", f"{sid}@{version}", "first demo")
    (place / "src/a.js").rename(place / "src/b.js")
    daemon.ask("save", sid)
    repository = site.top / f"{sid}.git"

    told = daemon.ask("export", sid, "--format", "git", "-o", repository)

    seqs = [row["seq"] for row in site.versions(sid)]
    assert (told["head"], told["commits"]) == (seqs[-1], len(seqs))
    assert git(repository, "fsck", "--strict", "--full") == ""
    assert git(repository, "tag").split() == ["first-demo"]
    said = git(repository, "log", "-1", "--format=%an %s", "first-demo")
    assert said == "alice the demo\n"
    assert f"{sid}@{version}" in git(repository, "cat-file", "-p", "first-demo^{}")
    for seq in seqs:
        back, commit = site.top / f"{sid}-{seq}", site.top / f"{sid}-git-{seq}"
        daemon.ask("restore", f"{sid}@{seq}", "--to", back)
        ref = f"main~{seqs[-1] - seq}"
        git(repository, "--work-tree", str(made(commit)), "checkout", ref, "--", ".")
        assert differences(back, commit) == ""
        assert os.access(commit / "run", os.X_OK)


def made(path: Path) -> Path:
    path.mkdir()
    return path


def git(repository: Path, *words: str) -> str:
    command = ["git", "--git-dir", str(repository), *words]
    done = subprocess.run(
        command, capture_output=True, text=True, env=clean(), check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def clean() -> dict[str, str]:
    return {"PATH": os.environ["PATH"], "GIT_CONFIG_NOSYSTEM": "1", "HOME": "/nowhere"}


def test_a_history_goes_through_a_pipe(daemon, site, shop):
    sid, _ = shop
    repository = made(site.top / f"{sid}-piped")
    subprocess.run(["git", "init", "-q", "-b", "main", repository], check=True)
    expokeep = Path(sys.executable).with_name("expokeep")

    subprocess.run(
        f'"{expokeep}" export {sid} --format git -o - -q | git fast-import --quiet',
        shell=True,
        check=True,
        cwd=repository,
        env={**daemon.environment, "EXPOKEEP_STATE_DIR": str(daemon.state)},
    )

    names = git(repository / ".git", "ls-tree", "-r", "--name-only", "main").split()
    assert names == sorted(PROJECT)


def test_a_link_gives_one_version_to_whoever_has_it_and_nothing_else(
    daemon, site, shop
):
    sid, place = shop
    kept(daemon, site, {"App.js": "another's\n"})

    planned = daemon.ask("plan", sid, "--expires", "2h")

    status, archive, headers = fetched(planned["url"])
    assert status == 200
    assert hashlib.sha256(archive).hexdigest() == planned["sha256"]
    assert headers["Cache-Control"] == "private, no-store"
    back = unpacked(archive, site.top / f"{sid}-planned")
    assert sorted(digests(back)) == ["App.js", "package.json", "src/Button.js"]
    assert digests(back).items() <= digests(place).items()
    (key,) = [
        one for one in keys(site, "exports/") if one.split("?")[0] in planned["url"]
    ]
    assert not planned["url"].startswith("https://builds.example.com")
    for other in keys(site, "v1/")[:2]:
        assert fetched(planned["url"].replace(key, other))[0] == 403


def test_secrets_go_along_with_a_link_only_if_somebody_says_so(daemon, site, shop):
    sid, place = shop

    planned = daemon.ask("plan", sid, "--allow-secrets")

    back = unpacked(fetched(planned["url"])[1], site.top / f"{sid}-whole")
    assert differences(place, back) == ""
    assert planned["left_out"] == []


def test_a_shell_and_node_fetch_and_prove_it(daemon, site, shop):
    sid, _ = shop
    for how, program in (
        ("--shell", ["sh"]),
        ("--node", ["node", "--input-type=module"]),
    ):
        place = made(site.top / f"{sid}{how}")
        script = daemon.cli("plan", sid, how, "-q").stdout
        done = run(program, input=script, cwd=place)
        assert done.returncode == 0, done.stderr
        assert (place / "build.tar.gz").exists()
        broken = script.replace("sha256=", "sha256=0").replace(
            'sha256 = "', 'sha256 = "0'
        )
        assert run(program, input=broken, cwd=place).returncode != 0
    assert (site.top / f"{sid}--shell" / "App.js").read_text() == PROJECT["App.js"]


@pytest.mark.parametrize("which", [(), ("--compat",)])
def test_no_link_works_longer_than_servers_allow(daemon, shop, which):
    sid, _ = shop

    refused = daemon.cli("plan", sid, *which, "--expires", "8d")

    assert refused.returncode == 2
    assert "7d" in refused.stderr


def test_nobody_gets_a_link_to_what_is_anothers(daemon, shop):
    sid, _ = shop

    for words in (("plan", sid), ("publish", "create", sid), ("publish", "list")):
        refused = daemon.cli("--as", "mallory", *words)
        assert refused.returncode in (10, 12), words
        if os.geteuid() == 0:
            refused = daemon.cli(*words, before=as_nobody())
            assert refused.returncode in (10, 12), words


def test_what_is_public_has_no_secret_and_never_changes(daemon, site, shop):
    sid, _ = shop

    made = daemon.ask("publish", "create", sid)

    assert sorted(made["left_out"]) == [".env", "src/config.js"]
    status, archive, headers = fetched(made["published"]["url"])
    assert status == 200
    assert headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert SECRET.encode() not in archive
    (key,) = [one for one in keys(site, "public/") if made["published"]["id"] in one]
    with site.asking() as s3:
        body = s3.get_object(Bucket=site.bucket, Key=key)["Body"].read()
    assert body == archive
    back = unpacked(archive, site.top / f"{sid}-public")
    assert sorted(digests(back)) == ["App.js", "package.json", "src/Button.js"]
    assert sid not in key
    assert (
        b"project"
        in subprocess.run(
            ["tar", "-tzf", "-"], input=archive, capture_output=True, check=True
        ).stdout
    )


def test_what_is_public_is_listed_and_can_be_withdrawn(daemon, site):
    sid, _ = kept(daemon, site)
    first = daemon.ask("publish", "create", sid)["published"]
    second = daemon.ask("publish", "create", sid, "--format", "zip")["published"]

    listed = daemon.ask("publish", "list", sid)["published"]
    assert {one["id"] for one in listed} == {first["id"], second["id"]}
    daemon.ask("publish", "withdraw", sid, "--dry-run")
    assert len(daemon.ask("publish", "list", sid)["published"]) == 2
    daemon.ask("publish", "withdraw", sid, "--id", first["id"])

    assert fetched(first["url"])[0] == 404
    assert fetched(second["url"])[0] == 200
    (left,) = daemon.ask("publish", "list", sid)["published"]
    assert left["id"] == second["id"]
    assert daemon.cli("publish", "withdraw", sid, "--id", "x").returncode == 10


def test_the_application_finds_its_own_archive_of_the_newest_version(daemon, site):
    sid, place = kept(daemon, site)
    key = f"builds/{sid}/build.tar.gz"

    def archived() -> dict[str, str] | None:
        with site.asking() as s3:
            if key not in keys(site, "builds/"):
                return None
            body = s3.get_object(Bucket=site.bucket, Key=key)["Body"].read()
        back = site.top / f"{sid}-{hashlib.sha256(body).hexdigest()[:8]}"
        return digests(back if back.exists() else unpacked(body, back))

    planned = daemon.ask("plan", sid, "--compat")
    assert fetched(planned["url"])[0] == 200
    assert archived() == digests(place)
    write(place, {"App.js": "// newer\n"})
    daemon.ask("save", sid)
    until(lambda: archived() == digests(place), "the archive follows")


def test_nothing_of_it_is_taken_for_damage_or_garbage(daemon, site, shop):
    sid, _ = shop
    daemon.ask("plan", sid)
    daemon.ask("publish", "create", sid)
    before = keys(site)

    checked = daemon.cli("check", "--json")
    daemon.ask("gc")

    assert checked.returncode == 0, checked.stdout
    assert json.loads(checked.stdout.splitlines()[-1])["message_type"]
    assert [one for one in before if not one.startswith("v1/")] == [
        one for one in keys(site) if not one.startswith("v1/")
    ]
