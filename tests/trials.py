"""One session's trial by faults: edits, saves that may fail, and the proof at the end.

The journeys run in this thread, without a daemon (`journeys.Keeper`), so that a fault
hits the step that it is meant for, and many trials fit into a second.
"""

import contextlib
import os
import random
import shutil
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from consistency import Books, assert_consistent
from expokeep.errors import ExpokeepError
from expokeep.model.names import SessionId
from expokeep.store.base import Store
from expokeep.store.retrying import Retrying, RetryPolicy
from expokeep.store.s3 import S3Settings, S3Store
from journeys import Keeper, Seen, seen_in

MIB = 1 << 20
PART_BYTES = 5 * MIB
"""The least that an S3 server takes for a part that is not the last."""
BIG_BYTES = 8 * MIB + 100_000
"""A pack of its own, and an upload of two parts."""
SIZES = {"single_put_max_bytes": MIB, "part_size_bytes": PART_BYTES, "attempts": 1}
PATIENT = {"read_timeout_s": 20.0, "deadline_s": 60.0, "resumes": 1}
HASTY = {"read_timeout_s": 0.25, "deadline_s": 0.5, "resumes": 1}
"""For what will never be answered."""
ATTEMPTS = 2
"""Of each request, so that a fault that comes once is got over without a word."""


class Moody:
    """A store as the daemon has one, that loses patience in a moment if it is told."""

    def __init__(self, patient: Store, hasty: Store) -> None:
        self._patient, self._hasty = patient, hasty
        self.is_hasty = False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._hasty if self.is_hasty else self._patient, name)


@contextlib.contextmanager
def moody_store(url: str, bucket: str, seaweed: Any) -> Iterator[Moody]:
    """Give a store that asks again at once, as often as `ATTEMPTS` says."""
    keys = (seaweed.access_key_id, seaweed.secret_access_key)
    policy = RetryPolicy(attempts=ATTEMPTS, first_s=0.0, most_s=0.0)
    with contextlib.ExitStack() as stack:

        def asking_again(limits: dict[str, float]) -> Store:
            store = S3Store(S3Settings(url, bucket, *keys, **SIZES, **limits))
            stack.callback(store.close)
            return Retrying(store, policy, wait=lambda _: False, chance=random.random)

        yield Moody(asking_again(PATIENT), asking_again(HASTY))


@dataclass
class Trial:
    """A session that lives through a fault."""

    keeper: Keeper
    books: Books
    session: SessionId
    states: list[Seen] = field(default_factory=list)
    """What was on disk at each save, in order: what its versions have to be."""
    chance: random.Random = field(init=False)

    def __post_init__(self) -> None:
        # No two sessions hold the same: what one stores must not spare another a step.
        self.chance = random.Random(self.session)

    @property
    def home(self) -> Path:
        return self.keeper.home(self.session)

    def edit(self, *, is_big: bool = False) -> None:
        """Change what a person would change: new, edited, renamed and removed files."""
        count = len(self.states)
        (self.home / "src").mkdir(parents=True, exist_ok=True)
        (self.home / "package.json").write_text(f'{{"version": "{count}"}}')
        (self.home / "src" / f"{count}.js").write_bytes(self.chance.randbytes(3000))
        (self.home / "App.js").write_text(f"edit {count}\n" * 40)
        if count:
            (self.home / "src" / f"{count - 1}.js").rename(self.home / "moved.js")
        if is_big:
            (self.home / "film.mov").write_bytes(self.chance.randbytes(BIG_BYTES))

    def save(self) -> bool:
        """Save; return whether that was acknowledged.

        What is no passing fault is raised. Whatever happens: from here on this state
        has to be kept, or be on disk.
        """
        self.states.append(seen_in(self.home))
        try:
            self.keeper.save(self.session)
        except ExpokeepError as error:
            if not error.transient:
                raise
            return False
        return True

    def heal(self, *, restart: bool) -> None:
        """Do what a daemon does when all is well again."""
        if restart:
            self.keeper.restart()
        self.keeper.ship(self.session)
        self.keeper.save(self.session)

    def assert_kept(self) -> None:
        """Check that every state is a version, once, in order, and comes back."""
        versions = self.keeper.catalog.versions(self.session)
        assert [one.seq for one in reversed(versions)] == [
            number + 1 for number in range(len(self.states))
        ]
        assert {one.parked for one in versions} == {None}
        for number, state in enumerate(self.states, start=1):
            assert self.restored(number) == state
        self.assert_clean()

    def restored(self, number: int) -> Seen:
        """Return what a version is once it is back on disk, through a cold cache."""
        shutil.rmtree(self.keeper.top / "cache", ignore_errors=True)
        target = self.keeper.top / f"back-{uuid.uuid4().hex[:8]}"
        self.keeper.restore(f"{self.session}@{number}", target)
        try:
            return seen_in(target)
        finally:
            shutil.rmtree(target)

    def assert_clean(self) -> None:
        """Check that books and bucket agree, and that nothing waits or lies about."""
        assert_consistent(self.books, [self.session])
        assert self.keeper.spool.pending(self.session) == []
        left = [
            name for _, _, files in os.walk(self.keeper.spool._path) for name in files
        ]
        assert left == []


class Trials:
    """Makes trials that share a catalog, a bucket and their threads."""

    def __init__(self, catalog: Any, store: Store, books: Books, top: Path) -> None:
        self.catalog, self.store, self.books = catalog, store, books
        self._top = top
        self._executor = ThreadPoolExecutor(4)
        self.sessions: list[SessionId] = []

    def begin(self, *, is_new: bool = False) -> Trial:
        """Begin one, with a first version that is kept unless it is to be new."""
        session = SessionId(f"trial-{len(self.sessions):04}")
        self.sessions.append(session)
        top = self._top / session
        top.mkdir()
        keeper = Keeper(self.catalog, self.store, top, self._executor)
        trial = Trial(keeper, self.books, session)
        if is_new:
            return trial
        trial.edit()
        assert trial.save()
        return trial

    def close(self) -> None:
        """Let go of the threads."""
        self._executor.shutdown()
