"""How much is told of a change, and what is read for it."""

import pytest

from expokeep.history import comparing
from expokeep.history.changes import changes
from expokeep.history.comparing import compared
from expokeep.history.patch_text import MAX_BYTES
from expokeep.model.digest import digest_of
from expokeep.model.tree import Directory, File, Link


class Shelf:
    """Contents by digest, and what was asked for."""

    def __init__(self) -> None:
        self.kept = {}
        self.asked = set()

    def file(self, contents: bytes, mode: int = 0o644) -> File:
        self.kept[digest_of(contents)] = contents
        return File(digest_of(contents), len(contents), mode)

    def read(self, digests):
        self.asked |= set(digests)
        return {digest: self.kept[digest] for digest in digests}


@pytest.fixture
def shelf():
    return Shelf()


def told(old, new, detail, shelf):
    return compared(changes(old, new), detail, shelf.read)


def test_names_alone_read_nothing(shelf):
    (change,) = told({b"a": shelf.file(b"1\n")}, {}, "names", shelf)

    assert (change.change, change.path, change.old_size_bytes) == ("D", "a", 2)
    assert not shelf.asked


def test_lines_are_counted_without_a_patch(shelf):
    old, new = {b"a": shelf.file(b"1\n2\n")}, {b"a": shelf.file(b"1\n3\n4\n")}

    (change,) = told(old, new, "stat", shelf)

    assert (change.added_lines, change.removed_lines) == (2, 1)
    assert (change.old_size_bytes, change.size_bytes) == (4, 6)
    assert change.patch is None


def test_a_patch_is_there_if_it_is_asked_for(shelf):
    (change,) = told({}, {b"a": shelf.file(b"new\n")}, "patch", shelf)

    assert change.patch.endswith("+new\n")


def test_what_is_no_text_has_no_lines(shelf):
    (change,) = told({}, {b"a.png": shelf.file(b"\x89PNG\0")}, "stat", shelf)

    assert change.binary
    assert change.added_lines is None


def test_a_rename_reads_nothing(shelf):
    moved = shelf.file(b"same\n")

    (change,) = told({b"a": moved}, {b"b": moved}, "patch", shelf)

    assert (change.change, change.old_path, change.path) == ("R", "a", "b")
    assert "rename from a\nrename to b\n" in change.patch
    assert not shelf.asked


def test_a_large_file_is_not_read_and_says_why(shelf):
    (change,) = told({}, {b"a": shelf.file(bytes(MAX_BYTES + 1))}, "patch", shelf)

    assert change.note == "larger than 1 MiB"
    assert change.patch is None
    assert not shelf.asked


def test_what_is_too_much_at_once_is_only_named(shelf, monkeypatch):
    monkeypatch.setattr(comparing, "MAX_TOTAL_BYTES", 5)
    new = {b"a": shelf.file(b"1234"), b"b": shelf.file(b"5678"), b"c": shelf.file(b"9")}

    first, second, third = told({}, new, "stat", shelf)

    assert (first.added_lines, third.added_lines) == (1, 1)
    assert second.note == "too much to compare at once"


def test_a_link_is_compared_by_its_target(shelf):
    (change,) = told({b"a": Link(b"x")}, {b"a": Link(b"y")}, "patch", shelf)

    assert change.type == "link"
    assert "-x\n\\ No newline at end of file\n+y\n" in change.patch


def test_a_change_of_type_says_what_it_was(shelf):
    (change,) = told({b"a": shelf.file(b"x\n")}, {b"a": Directory()}, "patch", shelf)

    assert (change.change, change.old_type, change.type) == ("T", "file", "directory")
    assert "deleted file mode 100644" in change.patch


def test_an_empty_directory_has_no_patch(shelf):
    (change,) = told({}, {b"a": Directory(0o700)}, "patch", shelf)

    assert (change.change, change.type, change.mode) == ("A", "directory", "0700")
    assert change.patch is None
    assert change.note == "a patch has no directories"


def test_a_mode_that_a_patch_cannot_carry_is_noted(shelf):
    old, new = shelf.file(b"x", 0o644), shelf.file(b"x", 0o600)

    (change,) = told({b"a": old}, {b"a": new}, "patch", shelf)

    assert (change.old_mode, change.mode, change.patch) == ("0644", "0600", None)
    assert "no modes" in change.note


def test_names_that_are_no_text_are_escaped(shelf):
    (change,) = told({}, {b"\xff\\": Directory()}, "names", shelf)

    assert change.path == "\\xff\\\\"
