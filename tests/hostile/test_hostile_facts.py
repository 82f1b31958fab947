"""Whoever can write the bucket forges facts: they hide nothing, and give no right."""

import json
import uuid

import pytest

from expokeep.pack import zstd
from hostile.forging import Forgery, put


def fact(**more):
    told = {
        "id": 1,
        "at": "2026-01-01T00:00:00Z",
        "kind": "session",
        "sid": "shop",
        "gone": False,
        "body": {
            "owner": "ann",
            "root_uid": 1000,
            "root_gid": 1000,
            "root_mode": 0o755,
            "last_seq": 1,
            "head_seq": 1,
            "fence": 0,
            "created_at": "2026-01-01T00:00:00Z",
            "accessed_at": "2026-01-01T00:00:00Z",
        },
    }
    told["body"].update(more.pop("body", {}))
    return {**told, **more}


def lines(*told: object) -> bytes:
    header = {"v": 1, "holds": "facts", "count": len(told)}
    return b"".join(json.dumps(one).encode() + b"\n" for one in (header, *told))


FACTS = {
    "nothing": b"",
    "nothing of ours": b"\n\n\n",
    "deep": lines() + b"[" * 100_000 + b"\n",
    "a session of no name": lines(fact(sid="../../evil")),
    "an owner beyond all": lines(fact(body={"root_uid": 2**64})),
    "a negative owner": lines(fact(body={"root_uid": -1})),
    "a negative mode": lines(fact(body={"root_mode": -1})),
    "a mode of text": lines(fact(body={"root_mode": "0755"})),
    "a moment of no zone": lines(fact(at="2026-01-01T00:00:00")),
    "a version of no tree": lines(
        fact(
            kind="version",
            body={
                "seq": 1,
                "epoch": 1,
                "pack": str(uuid.UUID(int=1)),
                "taken_at": "2026-01-01T00:00:00Z",
                "trigger": "auto",
                "recorded_at": "2026-01-01T00:00:00Z",
                "tree": "zz",
                "file_count": 1,
                "size_bytes": 1,
            },
        )
    ),
}


@pytest.mark.parametrize("name", FACTS)
def test_facts_that_are_none_keep_nobody_from_a_version(bucket, name):
    bucket.put(Forgery())
    key = f"v1/_meta/facts/{uuid.uuid4()}.json.zst"
    put(bucket.store, key, zstd.compressed(FACTS[name], 3))

    bucket.restore("shop")

    assert [one.name for one in bucket.target.iterdir()] == ["App.js"]


def test_facts_give_nobody_more_than_permissions(bucket):
    key = f"v1/_meta/facts/{uuid.uuid4()}.json.zst"
    put(bucket.store, key, zstd.compressed(lines(fact(body={"root_mode": 0o6777})), 3))
    bucket.put(Forgery())

    bucket.restore("shop")

    assert bucket.target.stat().st_mode & 0o7777 == 0o777
