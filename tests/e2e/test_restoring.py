"""What comes back; and what never does: half a project, or a file beside its place."""

import os
import shutil
import signal
from pathlib import Path

import psycopg
import pytest

from daemons import NOBODY, appear, differences, digests, write
from expokeep.model.digest import digest_of
from expokeep.model.tree import Directory, File, Link, Tree, tree_digest
from journeys import seen_in

PROJECT = {
    "App.js": "export default 1;\n",
    "package.json": '{"name": "shop"}\n',
    "components/Button.js": "// a button\n",
}


def kept(daemon, site, files=None, name="s") -> tuple[str, Path]:
    """Have a project kept, and return its session and its directory."""
    sid, place = site.session(name)
    appear(place, files or PROJECT)
    daemon.await_versions(sid, 1)
    return sid, place


def test_a_restored_tree_is_the_one_that_was_kept(daemon, site):
    sid, place = site.session()
    elsewhere = site.top / "odd"
    write(elsewhere, {**PROJECT, "empty": "", "bin/run": "#!/bin/sh\n"})
    (elsewhere / os.fsdecode(b"caf\xe9 \xff.txt")).write_text("not UTF-8")
    (elsewhere / "hollow").mkdir(mode=0o700)
    (elsewhere / "bin/run").chmod(0o755)
    (elsewhere / "package.json").chmod(0o600)
    (elsewhere / "link").symlink_to("components/Button.js")
    (elsewhere / "dangling").symlink_to("/nowhere/at all")
    os.utime(elsewhere / "App.js", ns=(1_700_000_000_123_456_789,) * 2)
    copy = site.top / "odd-copy"
    shutil.copytree(elsewhere, copy, symlinks=True)
    expected = seen_in(elsewhere)
    elsewhere.rename(place)
    daemon.await_versions(sid, 1)
    write(place, {"App.js": "something else"})
    daemon.await_versions(sid, 2)

    back = site.top / "odd-back"
    daemon.ask("restore", f"{sid}@1", "--to", back)

    assert differences(copy, back) == ""
    assert seen_in(back) == expected


def test_every_version_is_there_after_a_reboot_that_emptied_the_directory(daemon, site):
    sid, place = kept(daemon, site)
    for number in (2, 3):
        write(place, {"App.js": f"// version {number}\n"})
        daemon.await_versions(sid, number)
    assert daemon.stop() == 0
    for one in site.watch.iterdir():
        shutil.rmtree(one)
    daemon.start()

    listed = daemon.ask("log", sid)
    assert [one["seq"] for one in listed["versions"]] == [3, 2, 1]
    for number in (1, 2):
        back = site.top / f"reboot-{number}"
        daemon.ask("restore", f"{sid}@{number}", "--to", back)
        assert digests(back).keys() == digests_of(PROJECT).keys()
    assert (site.top / "reboot-2/App.js").read_text() == "// version 2\n"
    daemon.ask("restore", sid)
    assert (place / "App.js").read_text() == "// version 3\n"
    assert len(site.versions(sid)) == 3


def test_a_restored_session_goes_on_from_the_version_it_came_from(daemon, site):
    sid, place = kept(daemon, site)
    write(place, {"App.js": "// 2\n"})
    daemon.await_versions(sid, 2)
    shutil.rmtree(place)
    daemon.await_end(sid)

    daemon.ask("restore", f"{sid}@1")
    write(place, {"App.js": "// 3\n"})
    *_, newest = daemon.await_versions(sid, 3)

    assert (newest["parent_seq"], newest["parked"]) == (1, None)
    assert daemon.ask("log", sid)["head_seq"] == 3


def test_a_restore_works_without_the_daemon(daemon, site):
    sid, place = kept(daemon, site)
    assert daemon.stop() == 0

    back = site.top / "direct-back"
    assert daemon.cli("restore", sid, "--to", back).returncode == 16
    daemon.ask("restore", sid, "--to", back, "--direct")
    daemon.start()

    assert differences(place, back) == ""


def test_a_target_in_use_is_never_touched_unless_that_was_asked(daemon, site):
    sid, place = kept(daemon, site)
    write(place, {"mine.js": "not to be lost"})
    before = digests(place)

    refused = daemon.cli("restore", f"{sid}@1")
    left = daemon.cli("restore", f"{sid}@1", "--if-missing")
    told = daemon.ask("restore", f"{sid}@1", "--swap", "--dry-run")

    assert (refused.returncode, left.returncode) == (4, 0)
    assert "--swap" in refused.stderr
    assert (told["action"], digests(place)) == ("swap", before)

    swapped = daemon.ask("restore", f"{sid}@1", "--swap")

    assert digests(place) == digests_of(PROJECT)
    assert digests(Path(swapped["replaced"])) == before


def test_only_the_contents_that_are_wanted_are_fetched(daemon, site):
    pictures = {f"assets/{n}.png": os.urandom(400_000) for n in range(8)}
    sources = {f"src/{n}.js": f"// {n}\n" for n in range(20)}
    sid, place = kept(daemon, site, {**pictures, **sources})

    part = site.top / "part"
    with site.relay.recorded() as seen:
        told = daemon.ask("restore", sid, "--path", "src", "--to", part)
    assert digests(part) == digests_of(sources)
    assert (told["file_count"], {one.method for one in seen}) == (20, {"GET"})
    assert sum(one.received_bytes for one in seen) < 100_000

    write(place, {"assets/3.png": "spoilt"})
    with site.relay.recorded() as seen:
        told = daemon.ask("restore", f"{sid}@1", "--swap")
    assert digests(place) == digests_of({**pictures, **sources})
    assert told["fetched_bytes"] == 400_000
    assert 400_000 <= sum(one.received_bytes for one in seen) < 600_000


def digests_of(files) -> dict[str, str]:
    return {
        name: digest_of(data if isinstance(data, bytes) else data.encode()).hex()
        for name, data in sorted(files.items())
    }


def test_a_command_starts_when_the_restore_is_proved_and_not_before(daemon, site):
    sid, place = kept(daemon, site)
    shutil.rmtree(place)
    script = "cat App.js; echo $$; pwd; exit 7"
    site.relay.hold_after(0)

    process = daemon.begin("exec", sid, "--", "sh", "-c", script)
    assert site.relay.holding.wait(30)
    assert process.poll() is None
    assert not place.exists()
    site.relay.release()
    printed, _ = process.communicate(timeout=30)

    told = [*PROJECT["App.js"].splitlines(), str(process.pid), str(place)]
    assert printed.splitlines() == told
    assert process.returncode == 7


def damage(site, sid: str) -> None:
    """Flip a bit of each byte that holds contents of a session's only pack."""
    with site.asking() as s3:
        found = s3.list_objects_v2(Bucket=site.bucket, Prefix=f"v1/main/{sid}/")
        place = {"Bucket": site.bucket, "Key": found["Contents"][0]["Key"]}
        pack = s3.get_object(**place)["Body"].read()
        middle = len(pack) - 200
        spoilt = bytes(byte ^ 1 for byte in pack[:middle]) + pack[middle:]
        s3.put_object(**place, Body=spoilt)


@pytest.mark.parametrize("failure", ["unreachable", "damaged", "unknown"])
def test_a_command_is_not_started_after_a_restore_that_failed(daemon, site, failure):
    own = {**PROJECT, "own.bin": os.urandom(5000)}  # the rest is in another's pack
    sid, place = kept(daemon, site, own)
    shutil.rmtree(place)
    if failure == "unreachable":
        site.relay.script = lambda _request: "error"
    elif failure == "damaged":
        damage(site, sid)
    else:
        sid = "never-was"
    started = site.top / "started"

    done = daemon.cli("exec", sid, "--to", place, "--", "touch", started)
    site.relay.script = lambda _request: None

    code = {"unreachable": 17, "damaged": 15, "unknown": 10}[failure]
    assert (done.returncode, done.stdout) == (code, "")
    assert "Traceback" not in done.stderr
    assert not started.exists()
    assert not place.exists()


def test_exec_leaves_a_directory_in_use_as_it_is(daemon, site):
    sid, place = kept(daemon, site)
    write(place, {"App.js": "newer than all that was kept"})

    done = daemon.cli("exec", sid, "--version", f"{sid}@1", "--", "cat", "App.js")

    assert done.stdout == "newer than all that was kept"


def test_owners_and_modes_come_back(daemon, site):
    sid, place = site.session()
    owner = NOBODY if os.geteuid() == 0 else os.geteuid()
    elsewhere = site.top / "owned"
    write(elsewhere, PROJECT)
    for one in (elsewhere, *elsewhere.rglob("*")):
        os.chown(one, owner, -1)
    elsewhere.chmod(0o750)
    elsewhere.rename(place)
    daemon.await_versions(sid, 1)
    shutil.rmtree(place)

    daemon.ask("restore", sid)

    assert place.stat().st_mode & 0o777 == 0o750
    assert {one.stat().st_uid for one in (place, *place.rglob("*"))} == {owner}


def test_an_interrupted_restore_leaves_nothing(daemon, site):
    sid, _place = kept(daemon, site)
    target = site.top / "interrupted" / "target"
    target.parent.mkdir()
    site.relay.hold_after(0)

    process = daemon.begin("restore", sid, "--to", target)
    assert site.relay.holding.wait(30)
    process.send_signal(signal.SIGINT)
    try:
        code = process.wait(10)
    finally:
        site.relay.release()
    process.communicate()

    assert code == 130
    assert list(target.parent.iterdir()) == []


def hostile_trees(outside: Path) -> dict[str, Tree]:
    """Return trees that would write elsewhere, if anybody was fool enough."""
    elsewhere = os.fsencode(outside)
    file, top = File(digest_of(b"x"), 1), Directory()
    return {
        "above": {b"../x": file},
        "absolute": {elsewhere + b"/x": file},
        "roundabout": {b"a": top, b"a/../../x": file},
        "dot": {b"a": top, b"a/./x": file},
        "nul": {b"x\0y": file},
        "through a link": {b"a": Link(elsewhere), b"a/x": file},
        "below a file": {b"a": file, b"a/x": file},
    }


def record_as(site, sid: str, tree: Tree) -> None:
    """Make the catalog say that this tree is version 1 of a session."""
    with psycopg.connect(site.database_url) as connection:
        (number,) = connection.execute(
            "SELECT id FROM expokeep.session WHERE sid = %s", (sid,)
        ).fetchone()
        (blob,) = connection.execute(
            "SELECT id FROM expokeep.blob WHERE digest = %s", (digest_of(b"x"),)
        ).fetchone()
        connection.execute(
            "DELETE FROM expokeep.file_version WHERE session = %s", (number,)
        )
        for name, entry in tree.items():
            (path,) = connection.execute(
                "INSERT INTO expokeep.path (session, name) VALUES (%s, %s)"
                " ON CONFLICT (session, sha256(name)) DO UPDATE"
                " SET name = excluded.name RETURNING id",
                (number, name),
            ).fetchone()
            link, is_file = isinstance(entry, Link), isinstance(entry, File)
            connection.execute(
                "INSERT INTO expokeep.file_version (session, epoch, path, valid_from,"
                " kind, mode, mtime_ns, blob, target)"
                " VALUES (%s, 1, %s, 1, %s, %s, 0, %s, %s)",
                (
                    number,
                    path,
                    "l" if link else "f" if is_file else "d",
                    None if link else entry.mode,
                    blob if is_file else None,
                    entry.target if link else None,
                ),
            )
        connection.execute(
            "UPDATE expokeep.version SET tree = %s WHERE session = %s",
            (tree_digest(tree), number),
        )


@pytest.mark.parametrize("kind", hostile_trees(Path("/x")))
def test_a_hostile_version_is_refused_and_nothing_is_written(daemon, site, kind):
    sid, _place = kept(daemon, site, {"x": "x"}, "hostile")
    outside = site.top / f"outside-{sid}"
    outside.mkdir()
    record_as(site, sid, hostile_trees(outside)[kind])
    parent = site.top / f"refused-{sid}"
    parent.mkdir()

    for flags in ([], ["--direct"]):
        done = daemon.cli("restore", sid, "--to", parent / "target", *flags)

        assert done.returncode == 15
        assert "cannot be restored" in done.stderr
        assert list(parent.iterdir()) == []
        assert list(outside.iterdir()) == []
        assert not (site.top / "x").exists()


def test_the_beginning_of_an_id_opens_no_session_to_a_script(daemon, site):
    sid, _place = kept(daemon, site)
    short = sid[:-2]
    target = site.top / f"expo-{short}"

    restored = daemon.cli("restore", short, "--to", target, "--if-missing")
    executed = daemon.cli("exec", short, "--to", target, "--", "true")
    offered = daemon.cli("restore", short, "--to", target)

    assert (restored.returncode, executed.returncode, offered.returncode) == (10,) * 3
    assert not target.exists()
    assert daemon.ask("show", short)["version"]["session"] == sid
