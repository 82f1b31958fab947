import pytest

from expokeep.errors import NotFound
from expokeep.fork.plan import gone_back
from expokeep.model.digest import digest_of
from expokeep.model.tree import Directory, File, Link, validate


def a_file(contents):
    return File(digest_of(contents), len(contents))


OLD = {
    b"App.js": a_file(b"old"),
    b"src": Directory(0o755),
    b"src/a.js": a_file(b"a"),
    b"src/lib": Directory(0o700),
    b"src/lib/b.js": a_file(b"b"),
}


def test_without_paths_all_of_it_goes_back():
    assert gone_back({b"x": Link(b"y")}, OLD, []) == OLD


def test_only_what_is_named_goes_back_and_all_below_it():
    now = {
        b"App.js": a_file(b"new"),
        b"src": Directory(0o711),
        b"src/a.js": a_file(b"a2"),
        b"src/new.js": a_file(b"new"),
        b"srcs": Link(b"src"),
    }

    back = gone_back(now, OLD, [b"src"])

    assert back == {**OLD, b"App.js": a_file(b"new"), b"srcs": Link(b"src")}


def test_what_was_not_there_goes():
    now = {**OLD, b"late.js": a_file(b"late")}

    assert gone_back(now, OLD, [b"late.js"]) == OLD


def test_directories_above_come_back_as_they_were_if_they_are_missing():
    now = {b"App.js": a_file(b"new")}

    back = gone_back(now, OLD, [b"src/lib/b.js"])

    assert back == {
        b"App.js": a_file(b"new"),
        b"src": Directory(0o755),
        b"src/lib": Directory(0o700),
        b"src/lib/b.js": a_file(b"b"),
    }


def test_directories_that_are_there_stay_as_they_are():
    now = {b"src": Directory(0o711), b"src/c.js": a_file(b"c")}

    back = gone_back(now, OLD, [b"src/a.js"])

    assert back[b"src"] == Directory(0o711)
    assert back[b"src/c.js"] == a_file(b"c")


def test_a_file_in_the_way_of_a_directory_gives_way():
    for in_the_way in (a_file(b"file"), Link(b"App.js")):
        back = gone_back({b"src": in_the_way}, OLD, [b"src/lib/b.js"])
        validate(back)
        assert back[b"src/lib/b.js"] == a_file(b"b")


def test_a_directory_gives_way_to_the_file_that_was_there():
    now = {b"App.js": Directory(), b"App.js/x": a_file(b"x")}

    assert gone_back(now, OLD, [b"App.js"]) == {b"App.js": a_file(b"old")}


def test_a_path_that_nobody_has_is_a_mistake():
    with pytest.raises(NotFound):
        gone_back(OLD, OLD, [b"src", b"sr"])
