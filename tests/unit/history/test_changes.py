"""What differs between two trees, as a person reads it."""

from expokeep.history.changes import below, changes
from expokeep.model.digest import digest_of
from expokeep.model.tree import Directory, File, Link


def a_file(contents: bytes = b"x", mode: int = 0o644) -> File:
    return File(digest_of(contents), len(contents), mode)


def told(old, new):
    return [
        (change.kind, change.old_path or b"", change.path)
        for change in changes(old, new)
    ]


def test_what_came_went_and_changed_is_told_by_path():
    old = {b"b": a_file(b"1"), b"c": a_file(b"2"), b"same": a_file(b"3")}
    new = {b"a": a_file(b"4"), b"b": a_file(b"5"), b"same": a_file(b"3")}

    assert told(old, new) == [("A", b"", b"a"), ("M", b"", b"b"), ("D", b"", b"c")]


def test_a_mode_is_a_modification():
    assert told({b"a": a_file()}, {b"a": a_file(mode=0o755)}) == [("M", b"", b"a")]


def test_a_time_is_no_change():
    digest = digest_of(b"x")

    assert told({b"a": File(digest, 1)}, {b"a": File(digest, 1, mtime_ns=7)}) == []


def test_another_type_is_told_as_such():
    assert told({b"a": a_file()}, {b"a": Link(b"b")}) == [("T", b"", b"a")]


def test_a_file_that_moved_was_renamed():
    old = {b"a.js": a_file(b"code")}
    new = {b"src": Directory(), b"src/b.js": a_file(b"code")}

    assert told(old, new) == [("R", b"a.js", b"src/b.js")]


def test_the_same_last_name_says_what_moved_where():
    contents = a_file(b"alike")
    old = {b"x/one": contents, b"x/two": contents, b"x": Directory()}
    new = {b"y/one": contents, b"y/two": contents, b"y": Directory()}

    assert told(old, new) == [("R", b"x/one", b"y/one"), ("R", b"x/two", b"y/two")]


def test_each_file_that_went_explains_one_that_came():
    contents = a_file(b"alike")
    old = {b"a": contents}
    new = {b"b": contents, b"c": contents}

    assert told(old, new) == [("R", b"a", b"b"), ("A", b"", b"c")]


def test_a_copy_is_no_rename():
    contents = a_file(b"alike")

    assert told({b"a": contents}, {b"a": contents, b"b": contents}) == [
        ("A", b"", b"b")
    ]


def test_empty_files_prove_nothing():
    assert told({b"a": a_file(b"")}, {b"b": a_file(b"")}) == [
        ("D", b"", b"a"),
        ("A", b"", b"b"),
    ]


def test_a_directory_is_told_only_where_nothing_below_tells_of_it():
    old = {b"gone": Directory(), b"gone/file": a_file(b"1"), b"empty": Directory()}
    new = {b"came": Directory(), b"came/file": a_file(b"2"), b"bare": Directory()}

    assert told(old, new) == [
        ("A", b"", b"bare"),
        ("A", b"", b"came/file"),
        ("D", b"", b"empty"),
        ("D", b"", b"gone/file"),
    ]


def test_paths_limit_what_is_seen_to_themselves_and_what_is_below():
    tree = dict.fromkeys([b"a", b"a/b", b"a/b/c", b"ab", b"b"], Directory())

    assert set(below(tree, [b"./a//b/", b"b"])) == {b"a/b", b"a/b/c", b"b"}


def test_no_path_and_the_root_mean_everything():
    tree = {b"a": Directory()}

    assert below(tree, []) == tree
    assert below(tree, [b"."]) == tree
    assert below(tree, [b"/"]) == tree
