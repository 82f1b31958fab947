"""What a project was at its end, where a picture says more than a thousand examples."""

from pathlib import Path

from expokeep.model.digest import digest_of
from expokeep.model.tree import Directory, File
from expokeep.snapshot.replay import (
    Fresh,
    put_back,
    replayed,
    retracted,
    without_expired,
)
from expokeep.spool.early import (
    Believed,
    FileTaken,
    LinkTaken,
    Moved,
    Reading,
    Stored,
    Told,
    flat,
)

NOWHERE = Stored(Path("nowhere"), 0, 0)


def file(text: str) -> File:
    return File(digest_of(text.encode()), len(text))


def fresh(path: bytes, **more) -> FileTaken:
    return FileTaken(path, 0o644, 7, **more)


def reading(*records, known=(), doubtful=()) -> Reading:
    def told(some):
        return [Told(record, NOWHERE) for record in some]

    return Reading(told(known), told(doubtful), told(records))


def deletion(pack: bytes, at_s: float, **gone) -> Believed:
    entries = tuple(flat(path.encode(), entry) for path, entry in gone.items())
    return Believed(pack, at_s, entries)


def test_a_rename_that_the_snapshot_had_seen_does_not_happen_again():
    seen = {
        b"new": Directory(),
        b"new/a": file("old work"),
        b"old": Directory(),
        b"old/a": file("made after the rename"),
    }

    tree = replayed(seen, reading(doubtful=[Moved(b"old", b"new")]))

    assert tree == seen


def test_a_rename_that_the_snapshot_had_not_seen_happens():
    before = {b"old": Directory(), b"old/a": file("work")}

    tree = replayed(before, reading(doubtful=[Moved(b"old", b"new")]))

    assert tree == {b"new": Directory(), b"new/a": file("work")}


def test_a_directory_takes_the_place_of_all_that_had_its_name():
    before = {
        b"new": Directory(),
        b"new/stale": file("stale"),
        b"old": Directory(),
        b"old/a": file("work"),
    }

    tree = replayed(before, reading(Moved(b"old", b"new")))

    assert tree == {b"new": Directory(), b"new/a": file("work")}


def test_what_a_version_has_seen_says_nothing_new_of_what_it_shows():
    kept = {b"a": file("newer")}

    tree = replayed(kept, reading(known=[fresh(b"a"), fresh(b"gone")]))

    assert tree[b"a"] == file("newer")
    assert isinstance(tree[b"gone"], Fresh)


def test_directories_are_made_for_what_needs_them():
    tree = replayed({b"a": file("was a file")}, reading(fresh(b"a/b/c")))

    assert (tree[b"a"], tree[b"a/b"]) == (Directory(), Directory())


def test_deletions_belong_to_a_removal_while_they_follow_each_other():
    old, one, two = (deletion(b"%d" % at, float(at)) for at in (10, 100, 150))

    assert retracted([old, one, two], 200.0, 60.0) == [two, one]
    assert retracted([old, one, two], 300.0, 60.0) == []


def test_what_a_removal_deleted_is_put_back_unless_something_took_its_place():
    leaves = {b"there": file("made since"), b"in": file("the way")}
    gone = {
        "there": file("deleted"),
        "in/the/way": file("deleted"),
        "src/a": file("later state"),
    }

    put_back(
        leaves,
        [deletion(b"2", 2.0, **gone), deletion(b"1", 1.0, **{"src/a": file("first")})],
    )

    assert leaves == {
        b"there": file("made since"),
        b"in": file("the way"),
        b"src": Directory(),
        b"src/a": file("later state"),
    }


def test_what_was_gone_long_before_the_end_stays_gone():
    base = {b"kept": file("as it was kept")}
    carried = reading(
        fresh(b"kept", gone_at_s=10.0),
        fresh(b"long gone", gone_at_s=10.0),
        fresh(b"just gone", gone_at_s=90.0),
        LinkTaken(b"undone", b"x", gone_at_s=10.0),
        fresh(b"there"),
    )

    tree = without_expired(replayed(base, carried), base, 40.0, {b"undone"})

    assert tree.keys() == {b"kept", b"just gone", b"undone", b"there"}
    assert tree[b"kept"] == file("as it was kept")
