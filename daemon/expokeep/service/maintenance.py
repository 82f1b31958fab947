"""Looks after what is kept: forgetting, sweeping, merging, checking, one at a time.

Many daemons share a catalog; whoever holds its lock does what is due, for all. Nothing
is asked of anybody before something is due, so an idle daemon costs nothing.
"""

import contextlib
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

from expokeep import clock
from expokeep.errors import Busy, ExpokeepError
from expokeep.log import get

log = get(__name__)

Stop = Callable[[], bool]
"""Asked between steps: whether to come to an end, and go on another time."""

LOOK_EVERY_S = 1.0
"""How often the thread looks whether something is due. It asks nobody but the clock."""
FIRST_AFTER_S = 60.0
MORE_AFTER_S = 5.0
AGAIN_AFTER_S = 300.0
"""After a failure, unless the chore comes sooner anyway."""
_WAIT_S = 5.0
OUTCOMES = ("done", "more", "failed")
"""Of a run of a chore."""


def always() -> bool:
    """Return that there may be something to do."""
    return True


@dataclass(frozen=True, slots=True)
class Chore:
    """Something that is done every so often, by one of all daemons."""

    name: str
    every_s: float
    act: Callable[[Stop], bool | None]
    """Safe to be killed in, and safe beside another daemon that does the same. True:
    there is more to do, soon."""
    first_after_s: float = FIRST_AFTER_S
    """After the start of the daemon; never later than `every_s`."""
    may_be_due: Callable[[], bool] = always
    """Asks only this process: False where there is certainly nothing to do."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How the last run of a chore went, by this daemon."""

    name: str
    ended_at_s: float
    """On the clock that never jumps."""
    took_s: float
    error: Exception | None


class Ledger(Protocol):
    """Tells when what was done, by any daemon."""

    def age_s(self, name: str) -> float | None:
        """Return how long ago a chore was done; None for never."""
        ...

    def done(self, name: str) -> None:
        """Note that a chore is done now."""
        ...


class Lock(Protocol):
    """What tells whether this daemon is the one."""

    def held(self) -> AbstractContextManager[Ledger]:
        """Hold the lock; raises Busy if somebody else does."""
        ...


class Maintenance:
    """Does what is due. `act` comes from one thread; the rest from any."""

    def __init__(self, lock: Lock, chores: Sequence[Chore]) -> None:
        self._lock = lock
        self._chores = tuple(chores)
        self._alone = threading.Lock()
        self._stopping = threading.Event()
        now_s = clock.monotonic_s()
        self._due_s = {
            chore.name: now_s + min(chore.first_after_s, chore.every_s)
            for chore in self._chores
        }
        self.outcomes: dict[str, Outcome] = {}
        """The last of each chore that this daemon ran."""
        self.told: Callable[[str, str], None] = lambda _name, _outcome: None
        """Called with the name of each chore that was run, and what came of it."""

    @property
    def chores(self) -> Sequence[Chore]:
        """What there is to do."""
        return self._chores

    def act(self) -> None:
        """Do what is due, if nobody else is at it."""
        due = [chore for chore in self._chores if self._is_due(chore)]
        for chore in due:
            # Beforehand: whatever happens, we do not come back every second.
            self._put_off(chore, min(chore.every_s, AGAIN_AFTER_S))
        if not due:
            return
        try:
            with self._held() as ledger:
                for chore in due:
                    self._look_after(chore, ledger)
        except ExpokeepError as error:
            # Another daemon is at it, or Postgres is away: another time.
            log.debug("maintenance put off", error=str(error))

    @contextlib.contextmanager
    def alone(self) -> Iterator[Stop]:
        """Keep all others from maintenance, here and on other hosts.

        Raises:
            Busy: somebody is at it.
            BackendUnreachable, AccessDenied: Postgres does not say.
        """
        with self._held():
            yield self._stopping.is_set

    @contextlib.contextmanager
    def in_place_of(self, name: str) -> Iterator[tuple[Stop, Callable[[], None]]]:
        """As `alone`, for what is a chore otherwise; the second notes that it is done.

        Raises:
            Busy: somebody is at it.
            BackendUnreachable, AccessDenied: Postgres does not say.
        """
        with self._held() as ledger:
            yield self._stopping.is_set, lambda: ledger.done(name)

    def stop(self) -> None:
        """Let what is under way come to its end soon."""
        self._stopping.set()

    @contextlib.contextmanager
    def _held(self) -> Iterator[Ledger]:
        if not self._alone.acquire(timeout=_WAIT_S):
            raise Busy("maintenance is under way in this daemon")
        try:
            with self._lock.held() as ledger:
                yield ledger
        finally:
            self._alone.release()

    def _is_due(self, chore: Chore) -> bool:
        return (
            not self._stopping.is_set()
            and clock.monotonic_s() >= self._due_s[chore.name]
            and chore.may_be_due()
        )

    def _look_after(self, chore: Chore, ledger: Ledger) -> None:
        age_s = ledger.age_s(chore.name)
        if age_s is not None and 0 <= age_s < chore.every_s:
            self._put_off(chore, chore.every_s - age_s)
        elif not self._stopping.is_set() and self._has_run(chore):
            ledger.done(chore.name)

    def _has_run(self, chore: Chore) -> bool:
        began_s = clock.monotonic_s()
        failure: Exception | None = None
        has_more: bool | None = False
        try:
            has_more = chore.act(self._stopping.is_set)
        except ExpokeepError as error:
            failure = error
            say = log.warning if error.transient else log.error
            say("chore failed", chore=chore.name, error=str(error))
        except Exception as error:
            # A bug in one chore must not keep the others from being done.
            failure = error
            log.exception("chore failed", chore=chore.name)
        took_s = clock.monotonic_s() - began_s
        self.outcomes[chore.name] = Outcome(
            chore.name, began_s + took_s, took_s, failure
        )
        self.told(chore.name, _word(failure, has_more=bool(has_more)))
        again_s = MORE_AFTER_S if has_more else chore.every_s
        if failure is not None:
            again_s = AGAIN_AFTER_S
        self._put_off(chore, min(chore.every_s, again_s))
        return failure is None and not has_more

    def _put_off(self, chore: Chore, by_s: float) -> None:
        self._due_s[chore.name] = clock.monotonic_s() + by_s


def _word(failure: Exception | None, *, has_more: bool) -> str:
    if failure is not None:
        return "failed"
    return "more" if has_more else "done"
