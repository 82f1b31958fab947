"""Builds that are too big, or one too many: what is kept of them, and who is told."""

import contextlib
import os
from dataclasses import replace

import pytest

from expokeep.errors import QuotaExceeded
from expokeep.model.names import SessionId
from expokeep.model.quota import QuotaRules, is_over
from expokeep.model.version import Selector, VersionRef
from expokeep.service.events import Events
from expokeep.service.excess import OverQuota
from expokeep.snapshot.bounding import BuildTooBig
from expokeep.store.memory import MemoryStore
from expokeep.worktree import reading
from journeys import POLICY, SHOP, keeper

BOUNDED = replace(POLICY, max_build_bytes=1000, deletion_grace_s=60.0)


@pytest.fixture
def host(catalog, tmp_path):
    with keeper(catalog, MemoryStore(), tmp_path) as here:
        here.home(SHOP).mkdir()
        yield here


@pytest.fixture
def bounded(host):
    host.policy = BOUNDED
    host.restart()
    return host


def write(host, session=SHOP, **files):
    home = host.home(session)
    home.mkdir(exist_ok=True)
    for name, size in files.items():
        (home / name).write_bytes(name.encode()[:1] * size)


def files(host):
    return set(host.catalog.tree(host.catalog.resolve(VersionRef(SHOP))))


def test_the_largest_files_of_a_build_that_is_too_big_are_left_out(bounded):
    write(bounded, source=10, app=20, movie=700, music=800)

    outcome = bounded.look(believes_deletions=True)
    bounded.ship()

    assert files(bounded) == {b"source", b"app", b"movie"}
    assert outcome.skipped == {b"music": "build too big"}


def test_what_was_kept_goes_at_once_when_it_is_the_largest(bounded):
    write(bounded, source=10, movie=900)
    bounded.save()
    write(bounded, more=200, source=20)

    outcome = bounded.look()  # by itself: deletions are held back, but not this one
    bounded.ship()

    assert files(bounded) == {b"source", b"more"}
    assert outcome.skipped == {b"movie": "build too big"}
    first = VersionRef(SHOP, Selector(seq=1))
    assert set(bounded.catalog.tree(bounded.catalog.resolve(first))) == {
        b"source",
        b"movie",
    }


def test_what_was_left_out_comes_when_there_is_room(bounded):
    write(bounded, source=10, movie=700, music=800)
    bounded.save()
    (bounded.home(SHOP) / "movie").unlink()

    bounded.save()

    assert files(bounded) == {b"source", b"music"}
    assert bounded.look().skipped == {}


def test_a_build_that_is_too_big_stays_at_its_last_version(bounded):
    bounded.policy = replace(BOUNDED, rejects_too_big=True)
    bounded.restart()
    write(bounded, source=10)
    bounded.save()
    write(bounded, source=20, movie=2000)

    for _ in range(2):
        with pytest.raises(BuildTooBig, match="1000 B, and it has 2"):
            bounded.look()
    assert files(bounded) == {b"source"}

    write(bounded, movie=100)
    bounded.save()
    assert files(bounded) == {b"source", b"movie"}


@pytest.mark.parametrize("rejects", [False, True])
def test_what_fits_into_no_build_is_not_even_read(bounded, rejects, monkeypatch):
    bounded.policy = replace(BOUNDED, rejects_too_big=rejects)
    bounded.restart()
    write(bounded, source=10)
    for number in range(20):
        sparse = bounded.home(SHOP) / f"sparse{number}"
        sparse.touch()
        os.truncate(sparse, 900)
    read = []

    def noting(root, suspect, *more, **options):
        read.append(suspect.signature[0])
        return reading.read(root, suspect, *more, **options)

    monkeypatch.setattr("expokeep.snapshot.look.read", noting)

    with contextlib.suppress(BuildTooBig):
        bounded.save()

    assert sum(read) <= 1000


def test_a_session_too_many_is_kept_beside_until_there_is_room(host):
    host.catalog.quotas = QuotaRules(max_builds=1)
    write(host, SHOP, source=10)
    host.save(owner="ann")
    blog = SessionId("blog")
    write(host, blog, source=10)

    kept = host.save(blog, owner="ann")
    again = host.save(blog, owner="ann") or host.catalog.versions(blog)[0]

    assert is_over(kept.parked)
    assert "ann has 1 builds of 1" in kept.parked
    assert again == kept
    assert host.catalog.session(blog).head_seq is None

    host.catalog.quotas = QuotaRules(max_builds=2)
    write(host, blog, source=11)
    assert host.save(blog, owner="ann").parked is None


def test_what_is_too_much_is_told_once():
    events = Events()
    OverQuota(events)
    parked = {"parked": "over quota: ann has 1 builds of 1"}

    for details in (parked, parked, {"parked": None}, {"parked": "lost"}, parked):
        events.publish("version.created", "blog", **details)
    events.publish("version.created", "shop", **parked)

    told = [one.session for one in events.since(None) if one.kind == "quota.exceeded"]
    assert told == ["blog", "blog", "shop"]


def test_a_wish_is_refused_before_anything_is_done(host):
    host.catalog.quotas = QuotaRules(max_builds=1)
    write(host, SHOP, source=10)
    host.save(owner="ann")

    host.catalog.require_room(SHOP, "ann")
    host.catalog.require_room(SHOP, None)
    host.catalog.require_room(SessionId("new"), "bob")
    with pytest.raises(QuotaExceeded):
        host.catalog.require_room(SessionId("new"), "ann")
