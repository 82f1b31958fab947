"""Writes facts into the bucket, a batch an object, and forgets them here after that.

A batch that is put twice, because we were killed before its rows were gone, is one
object: it is named by what it holds. Should other rows have come in between, the same
facts are in two objects, which says the same.
"""

import datetime
import tempfile
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, cast

import msgspec

from expokeep.catalog.noting import NotedFact
from expokeep.crash import point
from expokeep.log import get
from expokeep.model.digest import digest_of
from expokeep.pack.facts import Fact, FactKind, encode_facts, facts_key
from expokeep.store.base import Store

log = get(__name__)

BATCH = 5000
"""Facts in one object at most: a few megabytes before they are compressed."""


class FactCatalog(Protocol):
    """Where facts wait."""

    def waiting(self, limit: int) -> tuple[int, float]:
        """Return how many wait, counted up to `limit`, and how old the oldest is."""
        ...

    def first(self, limit: int) -> list[NotedFact]:
        """Return the oldest facts."""
        ...

    def drop(self, ids: Collection[int], until: datetime.datetime) -> None:
        """Forget facts that are in the bucket."""
        ...


@dataclass(frozen=True, slots=True)
class Noter:
    """Knows when facts are worth an object, and writes it."""

    facts: FactCatalog
    store: Store
    prefix: str
    max_age_s: float
    max_count: int
    guard: Callable[[], object]
    """Called before anything is written: raises if this catalog is an older one, and
    lets any older one see from then on that it is."""

    def act(self, stop: Callable[[], bool]) -> None:
        """Write what waits, if it is enough or has waited long enough."""
        count, age_s = self.facts.waiting(self.max_count)
        if count and (count >= self.max_count or not 0 <= age_s < self.max_age_s):
            self.write(stop)

    def write(self, stop: Callable[[], bool] = lambda: False) -> int:
        """Write all that waits; return how many facts that were.

        Raises:
            ExpokeepError: the guard says no. All of it waits on.
        """
        written = 0
        while not stop() and (noted := self.facts.first(BATCH)):
            if not written:
                self.guard()
            facts = in_order(noted)
            self._put(facts)
            point("after-facts-put")
            self.facts.drop([fact.id for fact in facts], facts[-1].at)
            written += len(facts)
        if written:
            log.info("facts written", facts=written)
        return written

    def _put(self, facts: Sequence[Fact]) -> None:
        name, data = encode_facts(facts)
        with tempfile.NamedTemporaryFile() as file:
            file.write(data)
            file.flush()
            key = facts_key(name, self.prefix)
            self.store.put_file(key, Path(file.name), sha256=digest_of(data))


def in_order(noted: Sequence[NotedFact]) -> list[Fact]:
    """Return facts as they are written: none older than one before it.

    The clock of Postgres may jump back; what was noted later still counts more.
    """
    facts, at = [], noted[0].facts_at
    for one in noted:
        at = max(at, one.at)
        # The schema holds the kinds to these.
        kind = cast("FactKind", one.kind)
        body = msgspec.Raw(one.body.encode())
        facts.append(Fact(one.id, at, kind, one.sid, one.gone, body))
    return facts
