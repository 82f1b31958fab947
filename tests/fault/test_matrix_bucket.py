"""Every fault of a bucket, at every request of a snapshot and of a restore.

Between a real SeaweedFS and the journeys stands a relay that does the harm. A fault
that comes once must not be noticed; one that stays until somebody mends it leaves the
snapshot in the spool. Either way each state is a version in the end, once, and comes
back byte for byte; and the books agree with the bucket.
"""

import contextlib
import dataclasses
import shutil

import pytest

from consistency import Books, assert_consistent
from expokeep.catalog.connection import Database
from expokeep.catalog.postgres import PostgresCatalog
from expokeep.errors import ExpokeepError
from expokeep.pack.format import PackDamaged
from expokeep.store.s3 import S3Settings, S3Store, create_bucket
from harms import ON_THE_WAY_BACK, ON_THE_WAY_THERE, REFUSALS
from journeys import seen_in
from relays import Passed, relay_to
from trials import BIG_BYTES, Trials, moody_store

FAULTS = (*REFUSALS, *ON_THE_WAY_THERE, *ON_THE_WAY_BACK)
LATE = frozenset({"deaf", "hang", "stall", "trickle"})
"""These end only by a deadline of ours, which no second try may follow."""
HARMLESS = frozenset({"slow", "cut", "short", "flipped"})
"""To a PUT, whose answer has no body that could be spoilt."""
STEPS = {
    "put": lambda one: one.method == "PUT" and "partNumber=" not in one.target,
    "head before": lambda one: one.method == "HEAD",
    "list uploads": lambda one: one.method == "GET" and "?uploads" in one.target,
    "create upload": lambda one: one.method == "POST" and "?uploads" in one.target,
    "part": lambda one: one.method == "PUT" and "partNumber=" in one.target,
    "complete": lambda one: one.method == "POST" and "?uploadId=" in one.target,
    "get": lambda one: one.method == "GET" and "?uploads" not in one.target,
}
BIG = ("head before", "list uploads", "create upload", "part", "complete")
TELLING = frozenset({"error", "reset inside", "sent flipped", "lost", "hang"})
"""What every run tries with a part of a big file; all others are for `make full`."""


def of_a_big_file():
    """Every fault at every step; but a bare 400 to a HEAD says nothing that passes."""
    for fault in FAULTS:
        for step in BIG:
            is_telling = fault in TELLING and (step == "part" or fault == "lost")
            marks = () if is_telling else (pytest.mark.long,)
            if (step, fault) != ("head before", "timeout"):
                yield pytest.param(step, fault, marks=marks, id=f"{step}-{fault}")


def that_last():
    """All faults; what waits for a deadline again and again is for `make full`."""
    for fault in FAULTS:
        slow = fault in LATE - {"hang"}
        yield pytest.param(fault, marks=(pytest.mark.long,) if slow else ())


@pytest.fixture(scope="module")
def relay(s3_server):
    with relay_to(s3_server.endpoint_url) as relay:
        yield relay


@pytest.fixture(scope="module")
def trials(prepare_site, relay, tmp_path_factory):
    with contextlib.ExitStack() as stack:
        site = stack.enter_context(prepare_site())
        keys = (site.seaweed.access_key_id, site.seaweed.secret_access_key)
        direct = S3Settings(site.seaweed.endpoint_url, site.bucket, *keys)
        create_bucket(direct)
        past = stack.enter_context(contextlib.closing(S3Store(direct)))
        store = stack.enter_context(moody_store(relay.url, site.bucket, site.seaweed))
        catalog = PostgresCatalog(Database(site.database_url))
        stack.enter_context(contextlib.closing(catalog))
        books = Books(catalog, site.database_url, past)
        trials = Trials(catalog, store, books, tmp_path_factory.mktemp("bucket"))
        trials.relay = relay
        yield trials
        trials.close()
        assert_consistent(dataclasses.replace(books, reads=False))


class Doing:
    """A script that does one kind of harm to one kind of request."""

    def __init__(self, trials, step: str, fault, times: int | None) -> None:
        self.store, self.relay = trials.store, trials.relay
        self.fault, self.left = fault, times
        self.is_meant = STEPS[step]
        self.done = 0

    def __enter__(self):
        self.relay.script = self._script
        self.store.is_hasty = self.fault in LATE
        return self

    def __exit__(self, *_: object) -> None:
        self.relay.script = lambda _request: None
        self.store.is_hasty = False

    def _script(self, request: Passed):
        if not self.is_meant(request) or self.left == 0:
            return None
        self.done += 1
        self.left = None if self.left is None else self.left - 1
        return self.fault


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_of_one_put_is_got_over(trials, fault):
    trial = trials.begin()
    trial.edit()

    with Doing(trials, "put", fault, times=1) as doing:
        kept = trial.save()
    assert doing.done == 1
    assert kept or fault in LATE
    trial.heal(restart=False)

    trial.assert_kept()


@pytest.mark.parametrize("fault", list(that_last()))
def test_puts_that_fail_until_somebody_mends_it_leave_all_in_the_spool(trials, fault):
    trial = trials.begin()

    with Doing(trials, "put", fault, times=None) as doing:
        for _ in range(2):
            trial.edit()
            kept = trial.save()
    assert doing.done >= 1
    assert kept == (fault in HARMLESS)
    assert len(trial.keeper.spool.pending(trial.session)) == (0 if kept else 2)
    trial.heal(restart=True)

    trial.assert_kept()


@pytest.mark.parametrize(("step", "fault"), list(of_a_big_file()))
def test_a_fault_at_any_step_of_a_big_file_is_got_over(trials, step, fault):
    trial = trials.begin()
    trial.edit(is_big=True)

    with Doing(trials, step, fault, times=1) as doing:
        trial.save()
    assert doing.done == 1
    trial.heal(restart=True)

    trial.assert_kept()


@pytest.mark.parametrize("times", [1, None], ids=["once", "always"])
@pytest.mark.parametrize("fault", list(that_last()))
def test_a_restore_is_right_or_is_not_there(trials, fault, times):
    trial = trials.begin()
    target = trial.keeper.top / "elsewhere" / "back"
    target.parent.mkdir()

    with Doing(trials, "get", fault, times) as doing:
        try:
            trial.keeper.restore(trial.session, target)
        except ExpokeepError:
            assert list(target.parent.iterdir()) == []
        else:
            assert seen_in(target) == trial.states[0]
    assert doing.done >= 1

    # Nothing that came damaged may be found in the cache by the next one.
    trial.keeper.restore(trial.session, trial.keeper.top / "again")
    assert seen_in(trial.keeper.top / "again") == trial.states[0]
    trial.assert_kept()


@pytest.mark.parametrize("size_bytes", [3000, BIG_BYTES], ids=["small", "big"])
def test_bytes_that_came_damaged_are_not_kept_for_the_next_restore(trials, size_bytes):
    trial = trials.begin()
    trial.edit(is_big=size_bytes == BIG_BYTES)
    assert trial.save()
    target = trial.keeper.top / "back"

    with Doing(trials, "get", "flipped", None), pytest.raises(PackDamaged):
        trial.keeper.restore(trial.session, target)
    trial.keeper.restore(trial.session, target)

    assert seen_in(target) == trial.states[1]


@pytest.mark.parametrize("is_big", [False, True], ids=["small", "big"])
def test_an_entry_that_is_delivered_again_is_the_same_version(trials, is_big):
    trial = trials.begin()
    spool = trial.keeper.spool._path
    for _ in range(2):
        trial.edit(is_big=is_big)
        trial.states.append(seen_in(trial.home))
        outcome = trial.keeper.look(trial.session, believes_deletions=True)
        outcome.sealed.claim.release()
    shutil.copytree(spool, trial.keeper.top / "again")
    trial.keeper.ship(trial.session)
    shutil.rmtree(spool)
    shutil.copytree(trial.keeper.top / "again", spool)

    trial.heal(restart=True)

    trial.assert_kept()
