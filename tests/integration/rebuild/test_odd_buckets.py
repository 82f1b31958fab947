"""Whoever can write the bucket may be hostile, and bytes rot: a rebuild goes on."""

import dataclasses

import pytest

from expokeep.clock import uuid7
from expokeep.model.digest import digest_of
from expokeep.model.names import SessionId
from expokeep.pack.key import PackName, pack_key
from expokeep.pack.writer import PackWriter
from packing import file_of, manifest_of, snap_of
from rebuilding import PROJECT, told, trees, write

SHOP = SessionId("shop")


@pytest.fixture
def kept(loss):
    home = loss.host.home(SHOP)
    home.mkdir()
    for number in range(3):
        write(home, {**PROJECT, "App.js": f"{number}"})
        loss.host.save(SHOP)
    loss.note()
    return trees(loss.catalog)


def put(loss, key: str, data: bytes) -> None:
    file = loss.place / "put"
    file.write_bytes(data)
    loss.bucket.put_file(key, file, sha256=digest_of(data))


def a_pack(loss, session: str, **changes) -> None:
    """Put a pack whose manifest says whatever a test wants."""
    pack = changes.pop("pack", None) or uuid7()
    snap = dataclasses.replace(
        snap_of({b"a": file_of(b"x")}), **changes.pop("snap", {})
    )
    with PackWriter(loss.place, 3) as writer:
        writer.add(b"a", file_of(b"x"), b"x")
        said = dataclasses.replace(
            manifest_of(snap, pack=pack), session=SessionId(session), **changes
        )
        done = writer.finish(said, fsync=False)
    name = PackName("main", SessionId(session), 1, 0, pack)
    put(loss, pack_key(name), done.path.read_bytes())


def test_what_is_no_pack_is_told_and_the_rest_comes_back(loss, kept):
    put(loss, "v1/main/shop/notes.txt", b"not ours")
    name = PackName("main", SHOP, 9, 0, uuid7())
    put(loss, pack_key(name), b"rot" * 1000)
    put(loss, "v1/_meta/facts/rot.json.zst", b"rot")
    fresh, dsn = loss.catalog_like()

    report = loss.rebuild(fresh)

    assert sorted(one.key for one in report.damaged) == sorted(
        [pack_key(name), "v1/_meta/facts/rot.json.zst"]
    )
    assert told(dsn) == told(loss.dsn)


def test_a_pack_at_the_key_of_another_session_is_not_believed(loss, kept):
    a_pack(loss, "other")
    (key,) = [one.key for one in loss.bucket.list("v1/main/other/")]
    data = loss.bucket.get(key, 0, loss.bucket.head(key).size_bytes)
    put(loss, key.replace("/other/", "/shop/"), data)
    fresh, dsn = loss.catalog_like()

    report = loss.rebuild(fresh)

    assert [one.reason for one in report.damaged] == [
        "it says that it is of main/other"
    ]
    assert [row for row in told(dsn)["versions"] if row["sid"] == "shop"] == told(
        loss.dsn
    )["versions"]


def test_a_pack_with_an_id_that_is_taken_keeps_nobody_from_coming_back(loss, kept):
    a_pack(loss, "thief", pack=loss.catalog.versions(SHOP)[0].pack)
    fresh, dsn = loss.catalog_like()

    report = loss.rebuild(fresh)

    assert len(report.damaged) == 1
    assert {row["sid"] for row in told(dsn)["sessions"]} == {"shop"}
    assert [row["pack"] for row in told(dsn)["versions"]] == [
        row["pack"] for row in told(loss.dsn)["versions"]
    ]


def test_numbers_beyond_all_sense_are_not_taken_over(loss, kept):
    for session in ("huge", "shop"):
        a_pack(
            loss,
            session,
            epoch=2**40,
            snap={"seq": 2**40, "parent": 2**40 - 1, "file_count": 2**40},
        )
    fresh, dsn = loss.catalog_like()

    report = loss.rebuild(fresh)

    assert report.adopted == 2
    rows = told(dsn)["versions"]
    assert max(row["seq"] for row in rows) == 4
    assert {row["file_count"] for row in rows if row["sid"] == "huge"} == {1}


def test_a_version_whose_contents_are_lost_is_parked_and_the_rest_of_it_is_there(
    loss, kept
):
    home = loss.host.home(SHOP)
    write(home, {"big.bin": "x" * 9_000_000})
    loss.host.save(SHOP)
    catalog = loss.catalog
    place = next(
        place
        for place in catalog.kept(catalog.versions(SHOP)[0]).places.values()
        if place.size_bytes == 9_000_000
    )
    loss.bucket.delete([place.key])
    loss.note()
    fresh, dsn = loss.catalog_like()

    report = loss.rebuild(fresh)

    ((_, doubt),) = report.doubts
    assert doubt.reason == "the contents of 1 of its files are not in the bucket"
    row = told(dsn)["versions"][-1]
    assert row["parked"].endswith(doubt.reason)
    assert row["file_count"] == 4
