import datetime
import json
import uuid
from pathlib import Path

import msgspec
import pytest

from expokeep.errors import IntegrityError
from expokeep.model.digest import digest_of
from expokeep.model.names import SessionId
from expokeep.model.tree import Directory, File, Link, tree_digest
from expokeep.model.version import Version
from expokeep.restore.documents import offer_document, offer_of
from expokeep.restore.source import Offer, Reserve

TREE = {
    b"src": Directory(0o750, 1),
    b"src/\xff\n": File(digest_of(b"hi"), 2, 0o755, 2),
    b"link": Link(b"/etc/\xfe", 3),
}
OFFER = Offer(
    version=Version(
        session=SessionId("shop"),
        seq=7,
        epoch=1,
        parent=None,
        taken_at=datetime.datetime(2026, 11, 24, 12, tzinfo=datetime.UTC),
        trigger="auto",
        tree=tree_digest(TREE),
        file_count=1,
        size_bytes=2,
        message=None,
        author=None,
        parked=None,
        pack=uuid.UUID(int=1),
    ),
    tree=TREE,
    uid=1000,
    gid=100,
    mode=0o750,
    home=Path("/tmp/expo-shop"),
    reserve=Reserve(2049, 1_000_000_000),
)


def sent(offer=OFFER, **changed):
    document = json.loads(msgspec.json.encode(offer_document(offer)))
    return json.dumps({**document, **changed}).encode()


def test_an_offer_comes_back_the_same():
    back = offer_of(sent())

    assert back == OFFER
    assert [entry.mtime_ns for entry in back.tree.values()] == [3, 1, 2]


def test_a_session_without_a_home_has_none():
    assert offer_of(sent(home=None)).home is None


def test_it_says_what_it_is_and_has_its_modes_in_octal():
    document = json.loads(sent())

    assert (document["message_type"], document["mode"]) == ("offer", "0750")
    assert [one["path"] for one in document["entries"]] == [
        "link",
        "src",
        "src/\\xff\n",
    ]


def test_what_a_newer_daemon_adds_is_skipped():
    assert offer_of(sent(colour="green")) == OFFER


@pytest.mark.parametrize(
    "damage",
    [
        {"message_type": "log"},
        {"mode": "rwx"},
        {"uid": "root"},
        {"version": {}},
        {"entries": [{"path": "a", "type": "file", "mtime_ns": 0}]},
        {"entries": [{"path": "\\x", "type": "link", "mtime_ns": 0, "target": "b"}]},
    ],
)
def test_a_damaged_offer_is_no_offer(damage):
    with pytest.raises(IntegrityError, match="damaged"):
        offer_of(sent(**damage))


def test_half_an_offer_is_no_offer():
    with pytest.raises(IntegrityError):
        offer_of(sent()[:-10])
