"""The runbook's pages of backups and of lost stores, typed literally into a shell."""

import json
import os

import pytest

from daemons import QUICK, SCRIPTS, appear, daemon_on, digests, until, write
from expokeep.embedded.account import account_of
from expokeep.embedded.programs import postgres_programs
from shells import blocks, shell_in

SETTINGS = QUICK + "database: {facts-within: 1s}\n"
PROJECT = {"package.json": "{}", "App.js": "1", "src/a.js": "2", "src/b.js": "3"}


@pytest.fixture
def site(prepare_site):
    with prepare_site() as site:
        yield site


@pytest.fixture
def daemon(site):
    with daemon_on(site, settings=SETTINGS) as daemon:
        daemon.start()
        yield daemon
        daemon.kill()


@pytest.fixture
def shell(site, daemon):
    """A shell on the daemon's host, with the programs of that server's Postgres."""
    programs = postgres_programs(site.top, account_of(site.top)) / "bin"
    environment = {
        **daemon._own(),
        "EXPOKEEP_CONFIG": str(daemon.config),
        "PATH": f"{SCRIPTS}:{programs}:{os.environ['PATH']}",
    }
    with shell_in(site.top, environment) as shell:
        shell.type("true")  # bash says first that it is on no terminal
        yield shell


def kept(daemon, name="s"):
    """Keep a session; return its id and its directory."""
    sid, place = daemon.site.session(name)
    # Nothing of theirs is shared: what one loses another does not.
    appear(place, {path: f'{{"{name}": {text}}}' for path, text in PROJECT.items()})
    daemon.await_versions(sid, 1)
    return sid, place


def change(daemon, sid, place, text, count):
    write(place, {"App.js": text, f"src/{text}.js": text})
    daemon.await_versions(sid, count)


def trees(site, sid):
    """Return the digests of a session's trees, by the number of the version."""
    return {row["seq"]: bytes(row["tree"]) for row in site.versions(sid)}


def unwritten(shell):
    count = "SELECT count(*) FROM expokeep.fact"
    return int(shell.type(f'psql "$DATABASE_URL" -qAtc "{count}"'))


def restored(daemon, ref, top):
    assert daemon.cli("restore", ref, "--to", top).returncode == 0
    return digests(top)


def test_postgres_is_lost_and_put_back_from_a_backup_of_before(daemon, site, shell):
    (backup,) = blocks("Back up Postgres")
    (back,) = blocks("Postgres came back from an older backup")
    old, place = kept(daemon, "old")
    shell.types(backup)
    change(daemon, old, place, "two", 2)
    change(daemon, old, place, "three", 3)
    new, _ = kept(daemon, "new")
    before = {sid: trees(site, sid) for sid in (old, new)}
    was = {
        before[old][n]: restored(daemon, f"{old}@{n}", site.top / f"b{n}")
        for n in before[old]
    }
    until(lambda: not unwritten(shell), "all facts are in the bucket")

    drop, restore, dry_run, *rest = back
    shell.type(drop)  # that is the loss, too
    write(place, {"App.js": "of the outage"})
    daemon.await_spooled(old, 1)
    shell.type(restore)
    assert (site.versions(new), len(site.versions(old)) < 3) == ([], True)
    shell.type(dry_run)
    assert site.versions(new) == []
    shell.types(rest)

    # All are back, whatever number they have beside what came meanwhile.
    assert trees(site, new) == before[new]
    after = {tree: seq for seq, tree in trees(site, old).items()}
    assert set(was) < set(after)
    for tree, files in was.items():
        seq = after[tree]
        assert restored(daemon, f"{old}@{seq}", site.top / f"a{seq}") == files
    session = daemon.ask("sessions", old)["sessions"][0]
    parked = [row["seq"] for row in site.versions(old) if row["parked"]]
    assert session["head_seq"] not in parked


def emptied(site, prefix):
    """Delete the objects of a session past our own code; return how many there were."""
    with site.asking() as s3:
        listed = s3.list_objects_v2(Bucket=site.bucket, Prefix=prefix)
        keys = [one["Key"] for one in listed.get("Contents", [])]
        for key in keys:
            s3.delete_object(Bucket=site.bucket, Key=key)
    return len(keys)


def affected(said):
    """Return the versions that a check names as lost."""
    return {
        (one["session"], seq)
        for line in said.splitlines()
        for found in [json.loads(line)]
        if found["message_type"] == "finding" and found["is_damage"]
        for one in found["affected"]
        for seq in one["seqs"]
    }


def test_the_bucket_loses_objects_and_check_names_exactly_whose(daemon, site, shell):
    (lines,) = blocks("The bucket is lost, or older than Postgres")
    stands, place = kept(daemon, "stands")
    gone, gone_place = kept(daemon, "gone")
    other, _ = kept(daemon, "other")
    change(daemon, gone, gone_place, "two", 2)
    tree = digests(place)
    daemon.cli("save", gone)
    for path in sorted(gone_place.rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    gone_place.rmdir()
    daemon.await_end(gone)
    lost = {(gone, row["seq"]) for row in site.versions(gone)} | {(stands, 1)}
    assert emptied(site, f"v1/main/{stands}/")
    assert emptied(site, f"v1/main/{gone}/")

    named = affected(shell.type("expokeep check --json || test $? = 15"))
    assert named == lost
    assert daemon.cli("restore", gone, "--to", site.top / "none").returncode == 15
    assert restored(daemon, other, site.top / "other")["App.js"]

    shell.types(lines)

    assert affected(shell.type("expokeep check --json || test $? = 15")) <= {
        pair for pair in lost if pair[0] == gone
    }
    assert restored(daemon, stands, site.top / "stands") == tree
    log = daemon.ask("log", gone)["versions"]
    assert log
    assert all("damaged" in (row["parked"] or "") for row in log)
