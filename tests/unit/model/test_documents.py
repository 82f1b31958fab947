import datetime
import uuid

import msgspec
import pytest

from expokeep.model.digest import digest_of
from expokeep.model.documents import (
    EntryDocument,
    VersionDocument,
    entry_document,
    entry_of,
    tree_of,
    version_document,
    version_of,
)
from expokeep.model.names import SessionId
from expokeep.model.tree import Directory, File, Link
from expokeep.model.version import Version

DIGEST = digest_of(b"hi")
FILE = File(DIGEST, 2, 0o755, -7)
BERLIN = datetime.timezone(datetime.timedelta(hours=1))
VERSION = Version(
    session=SessionId("shop"),
    seq=7,
    epoch=2,
    parent=6,
    taken_at=datetime.datetime(2026, 11, 24, 13, tzinfo=BERLIN),
    trigger="save",
    tree=DIGEST,
    file_count=1,
    size_bytes=2,
    message="é",
    author="alice",
    parked="it shrank",
    pack=uuid.UUID(int=1),
)


def told(document):
    return msgspec.json.decode(msgspec.json.encode(document))


def test_a_file_says_what_it_is_made_of():
    assert told(entry_document(b"a\xff", FILE)) == {
        "path": "a\\xff",
        "type": "file",
        "mtime_ns": -7,
        "mode": "0755",
        "size_bytes": 2,
        "digest": DIGEST.hex(),
    }


def test_a_link_has_a_target_and_no_mode():
    assert told(entry_document(b"l", Link(b"\xfe\\", 3))) == {
        "path": "l",
        "type": "link",
        "mtime_ns": 3,
        "target": "\\xfe\\\\",
    }


def test_a_directory_has_a_mode_and_nothing_else():
    assert told(entry_document(b"d", Directory(0o700, 1))) == {
        "path": "d",
        "type": "directory",
        "mtime_ns": 1,
        "mode": "0700",
    }


@pytest.mark.parametrize("entry", [FILE, Link(b"x", 5), Directory(0o700, 9)])
def test_an_entry_comes_back_with_its_time(entry):
    path, back = entry_of(entry_document(b"p", entry))

    assert (path, back, back.mtime_ns) == (b"p", entry, entry.mtime_ns)


@pytest.mark.parametrize(
    "wrong",
    [
        {"type": "file"},
        {"type": "file", "mode": "0644", "size_bytes": 2},
        {"type": "file", "mode": "0644", "size_bytes": 2, "digest": "ab"},
        {"type": "file", "mode": "rw", "size_bytes": 2, "digest": DIGEST.hex()},
        {"type": "file", "mode": "0644", "size_bytes": -1, "digest": DIGEST.hex()},
        {"type": "link"},
        {"type": "directory"},
        {"type": "link", "target": "\\"},
        {"type": "link", "target": "a", "path": "\\xzz"},
    ],
)
def test_what_we_never_write_is_refused(wrong):
    with pytest.raises(ValueError, match=r"."):
        entry_of(EntryDocument(**{"path": "p", "mtime_ns": 0, **wrong}))


def test_a_path_is_in_a_tree_once():
    document = entry_document(b"p", FILE)

    with pytest.raises(ValueError, match="twice"):
        tree_of([document, document])


def test_a_version_comes_back_the_same():
    assert version_of(version_document(VERSION)) == VERSION


def test_times_travel_in_utc():
    assert told(version_document(VERSION))["taken_at"] == "2026-11-24T12:00:00Z"


@pytest.mark.parametrize("wrong", [{"session": "../x"}, {"tree": "xyz"}])
def test_a_version_that_cannot_be_is_refused(wrong):
    document = msgspec.structs.replace(version_document(VERSION), **wrong)

    with pytest.raises(ValueError, match=r"."):
        version_of(document)


def test_fields_that_we_do_not_know_yet_are_skipped():
    later = {**told(version_document(VERSION)), "colour": "green"}

    assert version_of(msgspec.convert(later, VersionDocument)) == VERSION
