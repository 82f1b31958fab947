"""The last word on a row counts, and a number means what it meant when it was said."""

import datetime
import uuid

import msgspec

from expokeep.pack.facts import Fact
from expokeep.rebuild.words import words_of

NOON = datetime.datetime(2026, 11, 24, 12, tzinfo=datetime.UTC)
HOST = uuid.UUID(int=9)
ONE, OTHER = uuid.UUID(int=1), uuid.UUID(int=2)


def said(
    minute: int, kind: str, *, gone: bool = False, number: int = 1, **body
) -> Fact:
    at = NOON + datetime.timedelta(minutes=minute)
    raw = msgspec.Raw(msgspec.json.encode(body))
    return Fact(number, at, kind, "shop", gone, raw)


def a_session(**body):
    return {
        "root_uid": 1,
        "root_gid": 1,
        "root_mode": 1,
        "last_seq": 2,
        "created_at": NOON,
        "accessed_at": NOON,
        **body,
    }


def a_version(seq: int, pack: uuid.UUID, **body):
    return {
        "seq": seq,
        "epoch": 1,
        "pack": pack,
        "taken_at": NOON,
        "recorded_at": NOON,
        "trigger": "auto",
        "tree": "\\x" + "00" * 32,
        "file_count": 1,
        "size_bytes": 1,
        **body,
    }


def a_label(seq: int):
    return {"name": "good", "seq": seq, "labelled_at": NOON}


def test_the_last_word_counts_in_whatever_order_it_is_heard():
    facts = [
        said(3, "session", **a_session(owner="carol")),
        said(1, "session", **a_session(owner="alice")),
        said(2, "session", **a_session(owner="bob")),
    ]

    assert words_of(facts).session.owner == "carol"
    assert words_of(reversed(facts)).session.owner == "carol"


def test_of_one_moment_the_higher_id_counts():
    facts = [
        said(1, "session", number=2, **a_session(owner="bob")),
        said(1, "session", number=1, **a_session(owner="alice")),
    ]

    assert words_of(facts).session.owner == "bob"


def test_a_number_that_was_given_twice_means_what_it_meant_then():
    words = words_of(
        [
            said(1, "version", **a_version(1, ONE)),
            said(2, "label", **a_label(1)),
            said(3, "version", **a_version(1, OTHER)),  # on an older backup
            said(4, "version", **a_version(2, uuid.UUID(int=3), parent_seq=1)),
        ]
    )

    assert words.labels["good"].pack == ONE
    assert words.packs[1] == OTHER
    assert words.versions[uuid.UUID(int=3)].parent == OTHER


def test_a_head_is_known_though_its_version_is_said_after_it():
    words = words_of(
        [
            said(1, "session", number=1, **a_session(head_seq=1)),
            said(1, "version", number=2, **a_version(1, ONE)),
        ]
    )

    assert words.head == ONE


def test_what_is_gone_is_gone():
    words = words_of(
        [
            said(1, "version", **a_version(1, ONE)),
            said(2, "label", **a_label(1)),
            said(3, "label", gone=True, **a_label(1)),
            said(4, "version", gone=True, **a_version(1, ONE)),
            said(5, "session", gone=True, **a_session()),
        ]
    )

    assert words.versions[ONE].gone
    assert not words.labels
    assert words.is_gone


def test_what_cannot_be_read_is_told_and_the_rest_counts():
    words = words_of(
        [
            said(1, "session", **a_session(owner="alice")),
            said(2, "session", owner=7),
        ]
    )

    assert words.session.owner == "alice"
    assert len(words.unreadable) == 1
