"""Checks and drills in this process, straight on Postgres and the bucket."""

import contextlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import msgspec

from expokeep import wiring
from expokeep.check.documents import document_of
from expokeep.check.values import Wish
from expokeep.cli.direct import loaded, quietly, within
from expokeep.cli.options import Options
from expokeep.cli.proving import Line
from expokeep.restore.drill import drilled
from expokeep.settings.subsets import subset_of


@contextlib.contextmanager
def direct(options: Options) -> Iterator["Direct"]:
    """Hold the engine.

    Raises:
        ConfigError: Postgres or the bucket is not configured here.
        TimedOut: the caller's time ran out, whatever was under way.
    """
    settings = loaded(options).settings
    quietly(options)
    with within(options.timeout_s), wiring.proving(settings) as proving:
        yield Direct(proving)


@dataclass(frozen=True, slots=True)
class Direct:
    """Implements `proving.Proving` in this process."""

    held: wiring.Proving

    def check(self, session: str | None, read: str | None) -> Iterator[Line]:
        """Check everything, or one session."""
        exact = self.held.naming.session(session) if session else None
        said = self.held.checker.check(Wish(exact, subset_of(read), read))
        return _lines(document_of(one) for one in said)

    def drill(self, version: str | None, count: int) -> Iterator[Line]:
        """Drill a version, or so many at random."""
        versions = wiring.chosen_versions(self.held, version, count)
        return _lines(drilled(self.held.drill, versions))


def _lines(documents: Iterable[msgspec.Struct]) -> Iterator[Line]:
    """Yield documents as whoever reads them from a socket would see them."""
    for document in documents:
        line: Line = msgspec.json.decode(msgspec.json.encode(document))
        yield line
