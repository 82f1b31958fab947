"""kill -9 at any moment of a save and of a restore: nothing is lost, nothing is torn.

The moments are enumerated, not drawn: every named point, every call that Python's audit
tells of, every system call of a kind as strace counts them, every request to the bucket
and every message to Postgres, before it is heard and before its answer is. How many
there are is found out by doing.
"""

import dataclasses
import itertools
import shutil
import tempfile
from pathlib import Path

import pytest

from consistency import assert_consistent
from expokeep.crash import SNAPSHOT
from journeys import seen_in
from killing import Place, Victim, restore, save, swap
from relays import relay_to
from stages import staged
from tracing import SYSCALLS
from wires import Harm

MOST = 400
EVERY = 12
"""Of calls and messages, each twelfth is tried by every run, all by `make full`."""


@pytest.fixture(scope="module")
def stage(s3_server, tmp_path_factory):
    home = Path(tempfile.mkdtemp(prefix="keep-kills-", dir="/tmp"))
    home.chmod(0o755)
    with staged(home, s3_server, tmp_path_factory.mktemp("trials")) as stage:
        yield stage
        assert_consistent(dataclasses.replace(stage.books, reads=False))
    shutil.rmtree(home)


@pytest.fixture(scope="module")
def relay(s3_server):
    with relay_to(s3_server.endpoint_url) as relay:
        yield relay


class Scene:
    """A trial in the middle of an edit, and where another process finds it."""

    def __init__(self, stage, relay) -> None:
        self.stage, self.relay = stage, relay
        self.trial = stage.trials.begin()
        keeper = self.trial.keeper
        bucket = dataclasses.replace(stage.bucket, endpoint_url=relay.url)
        self.place = Place(
            stage.wired, bucket, keeper.top, keeper.host, self.trial.session
        )

    @property
    def home(self) -> Path:
        return self.trial.home

    def edit(self) -> None:
        """Change something, which from now on must not be lost."""
        self.trial.edit()
        self.trial.states.append(seen_in(self.home))

    def assert_saved(self) -> None:
        """Check that the next process keeps what the killed one was to keep."""
        self.trial.heal(restart=True)
        self.trial.assert_kept()

    def assert_restored(self, before) -> None:
        """Check that what is there is whole, and that the next one makes it right."""
        state = self.trial.states[0]
        assert (seen_in(self.home) if self.home.exists() else None) in (before, state)
        self.trial.keeper.restore(f"{self.trial.session}@1", existing="swap")
        assert seen_in(self.home) == state
        # One that is empty may be another's, who is about to begin: it stays.
        left = self.trial.keeper.top.glob(".expokeep-staging-*")
        assert [list(one.iterdir()) for one in left if any(one.iterdir())] == []
        self.trial.assert_kept()


@pytest.fixture
def scene(stage, relay):
    return lambda: Scene(stage, relay)


def died(victim: Victim, here: Scene, number: int, when: str) -> bool:
    """Run a victim; kill it at a moment that others see: a request, or a message."""
    kind, place = when.split()
    if kind == "message":
        here.stage.wire.harm = Harm("cut", place, number, strike=victim.kill)
    else:
        numbers = itertools.count(1)

        def strike(request) -> None:
            if next(numbers) == number:
                victim.kill()

        setattr(here.relay, "script" if place == "before" else "landed", strike)
    try:
        return victim.run()
    finally:
        here.stage.wire.harm = None
        here.relay.script = here.relay.landed = lambda _request: None


WHEN = ("message before", "message after", "request before", "request after")


@pytest.mark.long
@pytest.mark.parametrize("point", SNAPSHOT)
def test_a_save_killed_at_a_point_of_its_own_is_no_loss(scene, point):
    for number in itertools.count(1):
        here = scene()
        here.edit()
        was_killed = Victim(save, here.place, point=f"{point}:{number}").run()
        here.assert_saved()
        if not was_killed:
            break
    assert number > 1


every = pytest.mark.parametrize(
    "every", [EVERY, pytest.param(1, marks=pytest.mark.long)], ids=["some", "all"]
)


@every
def test_a_save_killed_at_a_call_is_no_loss(scene, every):
    for number in itertools.count(1, every):
        here = scene()
        here.edit()
        was_killed = Victim(save, here.place, call=number).run()
        here.assert_saved()
        if not was_killed:
            break
    assert every < number < MOST


@every
@pytest.mark.parametrize("when", WHEN)
def test_a_save_killed_while_it_speaks_is_no_loss(scene, when, every):
    for number in itertools.count(1, every if when.startswith("message") else 1):
        here = scene()
        here.edit()
        was_killed = died(Victim(save, here.place), here, number, when)
        here.assert_saved()
        if not was_killed:
            break
    assert 1 < number < MOST


@every
@pytest.mark.parametrize("kind", SYSCALLS)
def test_a_save_killed_at_a_system_call_is_no_loss(scene, kind, every):
    for number in itertools.count(every // 2 + 1, every):
        here = scene()
        here.edit()
        syscall = f"{SYSCALLS[kind]}:{number}"
        was_killed = Victim(save, here.place, syscall=syscall).run()
        here.assert_saved()
        if not was_killed:
            break
    assert every // 2 + 1 <= number < MOST


@every
@pytest.mark.parametrize("journey", [restore, swap], ids=["into nothing", "swap"])
def test_a_restore_killed_at_a_call_leaves_nothing_half(scene, journey, every):
    for number in itertools.count(1, every):
        here = scene()
        before = prepared(here, journey)
        was_killed = Victim(journey, here.place, call=number).run()
        here.assert_restored(before)
        if not was_killed:
            break
    assert every < number < MOST


@every
@pytest.mark.parametrize("when", WHEN)
def test_a_restore_killed_while_it_speaks_leaves_nothing_half(scene, when, every):
    journey = swap if every == 1 else restore
    for number in itertools.count(1, every if when.startswith("message") else 1):
        here = scene()
        before = prepared(here, journey)
        was_killed = died(Victim(journey, here.place), here, number, when)
        here.assert_restored(before)
        if not was_killed:
            break
    assert 1 < number < MOST


def prepared(here: Scene, journey):
    """Let a session be lost, or be in the way; return what is in the way then."""
    if journey is restore:
        shutil.rmtree(here.home)
        return None
    here.edit()
    here.trial.heal(restart=False)
    return here.trial.states[-1]
