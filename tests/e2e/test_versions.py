"""What is kept: one pack for what changed, one row for each version."""

import hashlib
import itertools
import os
import shutil
import time

from daemons import appear, digests, run, write
from expokeep.model.digest import digest_of
from expokeep.model.tree import Directory, File, tree_digest


def test_one_edited_file_of_two_hundred_is_one_put(daemon, site):
    sid, place = site.session()
    appear(place, {f"src/{n // 20}/{n}.js": f"// file {n}\n" for n in range(200)})
    daemon.await_versions(sid, 1)

    with site.relay.recorded() as seen:
        (place / "src/3/77.js").write_text("// edited\n")
        daemon.await_versions(sid, 2)

    assert [request.method for request in seen] == ["PUT"]
    assert seen[0].sent_bytes < 2000
    listed = daemon.ask("diff", f"{sid}@1", f"{sid}@2")["changes"]
    assert [(one["change"], one["path"]) for one in listed] == [("M", "src/3/77.js")]


def test_nothing_is_asked_of_the_bucket_when_nothing_changed(daemon, site):
    sid, place = site.session()
    appear(place, {"App.js": "1", "src/Home.js": "2"})
    daemon.await_versions(sid, 1)

    with site.relay.recorded() as seen:
        os.utime(place / "App.js")
        (place / "src/Home.js").write_text("2")
        saved = daemon.ask("save", sid)

    assert (saved["state"], saved["version"]) == ("unchanged", 1)
    assert seen == []


def test_distinct_changes_are_versions_in_an_unbroken_chain(daemon, site):
    sid, place = site.session()
    expected = []
    write(place, {"src/keep.js": "kept"})
    for number in range(1, 7):
        (place / "App.js").write_text(f"{number}" * number)
        daemon.await_versions(sid, number)
        tree = {
            b"App.js": File(digest_of(f"{number}".encode() * number), number),
            b"src": Directory((place / "src").stat().st_mode & 0o777),
            b"src/keep.js": File(digest_of(b"kept"), 4),
        }
        expected.append((number, number - 1 or None, 2, 4 + number, tree_digest(tree)))

    rows = site.versions(sid)

    told = ("seq", "parent_seq", "file_count", "size_bytes", "tree")
    assert [tuple(row[name] for name in told) for row in rows] == expected
    moments = [row["taken_at"] for row in rows]
    assert all(one < other for one, other in itertools.pairwise(moments))
    assert {row["parked"] for row in rows} == {None}


def test_the_digests_of_a_version_are_those_of_sha256sum(daemon, site):
    sid, place = site.session()
    appear(place, {f"src/{n}.bin": os.urandom(n * 1000) for n in range(12)})
    daemon.await_versions(sid, 1)

    entries = daemon.ask("ls", sid, "-l")["entries"]

    find = ["find", "src", "-type", "f", "-exec", "sha256sum", "{}", "+"]
    lines = run(find, cwd=place).stdout.splitlines()
    walked = {path: digest for digest, path in map(str.split, lines)}
    assert walked == {
        one["path"]: one["digest"].removeprefix("sha256:")
        for one in entries
        if one["type"] == "file"
    }


def test_ten_sessions_of_one_template_store_its_contents_once(daemon, site):
    # R79: 50 MB that all have and 5 MB of its own each are 100 MB and not 550, here by
    # a tenth of a tenth.
    template = {f"assets/{n}.png": os.urandom(100_000) for n in range(5)}
    elsewhere = site.top / "template"
    write(elsewhere, template)
    sessions = [site.session("twin") for _ in range(10)]

    with site.relay.recorded() as seen:
        for sid, place in sessions:
            shutil.copytree(elsewhere, place)
            write(place, {"own.bin": hashlib.sha256(sid.encode()).digest() * 1563})
        for sid, _ in sessions:
            daemon.await_versions(sid, 1)
        daemon.ask("flush", "--all", "--wait")

    stored_bytes = sum(one.sent_bytes for one in seen if one.method == "PUT")
    assert 500_000 < stored_bytes < 700_000
    for sid, place in sessions:
        back = site.top / f"back-{sid}"
        daemon.ask("restore", sid, "--to", back)
        assert digests(back) == digests(place)


def test_a_deletion_counts_after_its_grace_and_at_once_when_a_person_saves(
    daemon, site
):
    sid, place = site.session()
    appear(place, {"App.js": "1", "one.js": "1", "two.js": "2", "three.js": "3"})
    daemon.await_versions(sid, 1)

    removed_at = time.time()
    (place / "one.js").unlink()
    _, second = daemon.await_versions(sid, 2)
    (place / "two.js").unlink()
    saved = daemon.ask("save", sid)

    assert (saved["version"], saved["gone_count"]) == (3, 1)
    assert second["taken_at"].timestamp() > removed_at + 1.0
    names = {one["path"] for one in daemon.ask("ls", sid)["entries"]}
    assert names == {"App.js", "three.js"}


def test_a_session_that_is_removed_keeps_its_last_version(daemon, site):
    sid, place = site.session()
    appear(place, {f"{n}.js": f"{n}" for n in range(30)})
    daemon.await_versions(sid, 1)

    shutil.rmtree(place)
    daemon.await_end(sid)
    daemon.ask("flush", "--all", "--wait")

    assert len(site.versions(sid)) == 1
    assert len(daemon.ask("ls", sid)["entries"]) == 30
