import pytest

from expokeep.errors import NotFound, TargetExists, UsageError
from expokeep.model.digest import digest_of
from expokeep.model.tree import Directory, File
from expokeep.restore.plan import decide

FILE = File(digest_of(b"x"), 1)
TREE = {b"src": Directory(), b"src/a.js": FILE, b"src/b.ts": FILE, b"c.js": FILE}


def test_a_missing_target_is_created():
    assert decide(TREE, (), "missing", "refuse", "t").action == "create"


def test_an_empty_target_is_filled():
    assert decide(TREE, (), "empty", "refuse", "t").action == "create"


def test_an_occupied_target_is_not_touched_without_being_asked():
    with pytest.raises(TargetExists) as refused:
        decide(TREE, (), "occupied", "refuse", "/tmp/expo-x")

    assert refused.value.exit_code == 4
    assert "--swap" in refused.value.hint


def test_an_occupied_target_is_left_alone_if_only_a_missing_one_is_wanted():
    assert decide(TREE, (), "occupied", "keep", "t").action == "nothing"


def test_an_occupied_target_is_swapped_when_asked():
    assert decide(TREE, (), "occupied", "swap", "t").action == "swap"


def test_a_part_never_replaces_a_whole():
    with pytest.raises(UsageError):
        decide(TREE, (b"*.js",), "occupied", "swap", "t")


@pytest.mark.parametrize(
    ("globs", "paths"),
    [
        ((b"src",), {b"src", b"src/a.js", b"src/b.ts"}),
        ((b"src/",), {b"src", b"src/a.js", b"src/b.ts"}),
        ((b"src/*.js",), {b"src", b"src/a.js"}),
        ((b"c.js", b"src/b.ts"), {b"c.js", b"src", b"src/b.ts"}),
    ],
)
def test_globs_choose_what_matches_with_the_directories_above(globs, paths):
    assert set(decide(TREE, globs, "missing", "refuse", "t").tree) == paths


def test_a_glob_that_matches_nothing_is_an_error():
    with pytest.raises(NotFound, match="nope"):
        decide(TREE, (b"nope*",), "missing", "refuse", "t")
