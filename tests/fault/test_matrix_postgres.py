"""Every fault of Postgres, at every message of a snapshot and of a restore.

A wire to a real Postgres does the harm, or Postgres itself: by an error that a trigger
raises, by kill -9. After each the state that was to be kept is a version, once, and the
books agree with the bucket. How many messages a step has is found out by doing: each
loop below goes on until its harm comes too late.
"""

import contextlib
import dataclasses
import itertools
import shutil
import tempfile
import threading
from pathlib import Path

import psycopg
import pytest

from consistency import assert_consistent
from expokeep.errors import BackendUnreachable, ExpokeepError
from journeys import seen_in
from stages import staged
from wires import COMMITTED, Harm

MOST_MESSAGES = 40
LOCK_SESSION = "SELECT FROM expokeep.session WHERE sid = %s FOR UPDATE"
LOCK_PACKS = """
SELECT FROM expokeep.pack JOIN expokeep.session ON session.id = pack.session
 WHERE session.sid = %s AND pack.state = 'uploading' FOR UPDATE OF pack
"""
INTRANS = psycopg.pq.TransactionStatus.INTRANS
ALSO_REPEATED = ("40P01", "57P01", "57P02", "57P03", "53300", "08006")


@pytest.fixture(scope="module")
def stage(s3_server, tmp_path_factory):
    home = Path(tempfile.mkdtemp(prefix="keep-matrix-", dir="/tmp"))
    home.chmod(0o755)
    with staged(home, s3_server, tmp_path_factory.mktemp("trials")) as stage:
        yield stage
        assert_consistent(dataclasses.replace(stage.books, reads=False))
    shutil.rmtree(home)


harms = pytest.mark.parametrize(
    ("what", "when"),
    [
        pytest.param("cut", "before", id="cut before"),
        pytest.param("cut", "after", id="cut after"),
        pytest.param("hole", "before", id="hole before", marks=pytest.mark.long),
        pytest.param("hole", "after", id="hole after", marks=pytest.mark.long),
    ],
)
"""A hole costs a deadline each time: every run tries one of a commit, see below."""


def test_a_commit_outlives_a_black_hole_at_any_message(stage):
    outlived(stage, "commit", False, "hole", "after")


@harms
@pytest.mark.parametrize("is_new", [True, False], ids=["first", "later"])
@pytest.mark.parametrize("step", ["open_session", "begin", "commit"])
def test_a_snapshot_outlives_a_harm_at_any_message(stage, step, is_new, what, when):
    outlived(stage, step, is_new, what, when)


def outlived(stage, step, is_new, what, when) -> None:
    for number in itertools.count(1):
        trial = stage.trials.begin(is_new=is_new)
        trial.edit()
        harm = Harm(what, when, number)
        with stage.harm(step, harm):
            kept = trial.save()
        assert kept or what == "hole"
        trial.heal(restart=number % 2 == 0)
        trial.assert_kept()
        if not harm.struck.is_set():
            break
    # A session that is open already is only looked for, if at all.
    assert 1 + (is_new or step != "open_session") <= number < MOST_MESSAGES


@harms
@pytest.mark.parametrize("step", ["resolve", "kept", "register_restored"])
def test_a_restore_outlives_a_harm_at_any_message(stage, step, what, when):
    trial = stage.trials.begin()
    for number in itertools.count(1):
        shutil.rmtree(trial.home, ignore_errors=True)
        harm = Harm(what, when, number)
        with stage.harm(step, harm):
            try:
                trial.keeper.restore(trial.session)
            except ExpokeepError:
                assert what == "hole"
                assert not trial.home.exists()
                assert not list(trial.keeper.top.glob(".expokeep-*"))
        if not trial.home.exists():
            trial.keeper.restore(trial.session)
        assert seen_in(trial.home) == trial.states[0]
        if not harm.struck.is_set():
            break
    assert 1 < number < MOST_MESSAGES
    trial.assert_kept()


@harms
def test_a_heartbeat_outlives_a_harm_at_any_message(stage, what, when):
    trial = stage.trials.begin()
    for number in itertools.count(1):
        harm = Harm(what, when, number)
        with stage.harm("heartbeat", harm), contextlib.ExitStack() as expecting:
            if what == "hole" and number == 1:
                expecting.enter_context(pytest.raises(BackendUnreachable))
            stage.catalog.heartbeat(trial.keeper.host, lease_s=30.0)
        if not harm.struck.is_set():
            break
    assert 1 < number < MOST_MESSAGES
    trial.edit()
    assert trial.save()
    trial.assert_kept()


@pytest.mark.parametrize("step", ["open_session", "begin", "commit"])
def test_an_answer_to_a_commit_that_is_lost_is_no_second_version(stage, step):
    trial = stage.trials.begin(is_new=True)
    trial.edit()
    cuts = stage.wire.cuts

    def on_step(name: str) -> None:
        due = name == step and stage.wire.cuts == cuts
        stage.wire.cut_at = COMMITTED if due else None

    stage.catalog.on_step = on_step
    assert trial.save()
    stage.catalog.on_step = lambda _name: None
    stage.wire.cut_at = None

    # The statement of `begin` is a transaction by itself, and says no COMMIT.
    assert stage.wire.cuts == cuts + (step != "begin")
    trial.assert_kept()


@pytest.mark.parametrize(
    "code",
    [
        "40001",
        *(pytest.param(one, marks=pytest.mark.long) for one in ALSO_REPEATED),
    ],
)
def test_a_transaction_that_fails_at_any_statement_is_repeated_whole(stage, code):
    for number in itertools.count(1):
        trial = stage.trials.begin(is_new=True)
        trial.edit()
        stage.strike(number, code)
        before = stage.database.retries[code]
        assert trial.save()
        stage.ask("TRUNCATE public.strike")
        trial.assert_kept()
        if stage.database.retries[code] == before:
            break
    assert 5 < number < MOST_MESSAGES


def test_a_real_deadlock_with_a_commit_ends_in_one_version(stage):
    trial = stage.trials.begin()
    trial.edit()
    before = stage.database.retries["40P01"]
    saved = []
    with psycopg.connect(stage.dsn) as rival:
        # Whoever looks for a deadlock first is its victim: that is to be us.
        rival.execute("SET deadlock_timeout = '1min'")

        def lock_the_pack(name: str) -> None:
            if name == "commit" and rival.info.transaction_status == INTRANS:
                rival.execute(LOCK_PACKS, [trial.session])

        stage.catalog.on_step = lock_the_pack
        thread = threading.Thread(target=lambda: saved.append(trial.save()))
        thread.start()
        _until_somebody_waits(stage)
        # A commit locks the session first, and then the pack.
        rival.execute(LOCK_SESSION, [trial.session])
        rival.rollback()
    thread.join(10)
    stage.catalog.on_step = lambda _name: None

    assert saved == [True]
    assert stage.database.retries["40P01"] == before + 1
    trial.assert_kept()


def _until_somebody_waits(stage) -> None:
    for _ in range(10_000):
        if stage.ask("SELECT 1 FROM pg_locks WHERE NOT granted"):
            return
    pytest.fail("nobody waits for a lock")


@pytest.mark.parametrize(
    "when", [pytest.param("before", marks=pytest.mark.long), "after"]
)
@pytest.mark.parametrize("step", ["begin", "commit"])
def test_a_server_process_killed_at_any_message_loses_nothing(stage, step, when):
    for number in itertools.count(1):
        trial = stage.trials.begin()
        trial.edit()
        harm = Harm("cut", when, number, strike=stage.kill_backends)
        with stage.harm(step, harm):
            trial.save()
        _until_it_answers(stage)
        trial.heal(restart=False)
        trial.assert_kept()
        if not harm.struck.is_set():
            break
    assert 1 < number < MOST_MESSAGES


def _until_it_answers(stage) -> None:
    for _ in range(1000):
        with contextlib.suppress(psycopg.OperationalError):
            stage.ask("SELECT 1")
            return
    pytest.fail("Postgres does not recover")
