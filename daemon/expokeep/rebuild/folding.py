"""Puts many objects of facts into one: a rebuild asks for fewer, and reads the same.

Nothing is left out, since what a number meant is told by the facts around it. An object
goes only after its facts are in another one, and after the guard of all deletions.
"""

import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from expokeep.crash import point
from expokeep.errors import IntegrityError
from expokeep.log import get
from expokeep.model.digest import digest_of
from expokeep.pack.facts import (
    FACTS,
    Fact,
    decode_facts,
    encode_facts,
    facts_key,
    is_facts_key,
)
from expokeep.store.base import ObjectInfo, Store

log = get(__name__)

ENOUGH = 64
"""So many small objects are worth being one."""
SMALL_BYTES = 1024 * 1024
MOST_FACTS = 100_000
"""In one object: some tens of megabytes before they are compressed."""


@dataclass(frozen=True, slots=True)
class Folder:
    """Knows when there are too many objects of facts, and folds them."""

    store: Store
    prefix: str
    guard: Callable[[], object]
    """Called before anything is deleted; raises if that must not be."""
    enough: int = ENOUGH

    def act(self, stop: Callable[[], bool]) -> None:
        """Fold the small ones, if they are many."""
        found = self.store.list(f"{self.prefix}{FACTS}")
        small = sorted(
            (
                one
                for one in found
                if is_facts_key(one.key, self.prefix) and one.size_bytes < SMALL_BYTES
            ),
            key=lambda one: one.key,
        )
        if len(small) < self.enough:
            return
        for some, facts in self._parts(small):
            if stop():
                return
            self._fold(some, facts)

    def _parts(
        self, small: Sequence[ObjectInfo]
    ) -> Iterator[tuple[list[str], list[Fact]]]:
        """Yield objects and all their facts, each once, as many as go into one."""
        keys: list[str] = []
        facts: dict[tuple[object, ...], Fact] = {}
        for one in small:
            try:
                read = decode_facts(self.store.get(one.key, 0, one.size_bytes))
            except IntegrityError as error:
                log.error("facts not read", key=one.key, error=str(error))  # noqa: TRY400
                continue
            if keys and len(facts) + len(read) > MOST_FACTS:
                yield keys, list(facts.values())
                keys, facts = [], {}
            keys.append(one.key)
            for fact in read:
                facts[fact.at, fact.id, fact.sid, bytes(fact.body)] = fact
        if len(keys) > 1:
            yield keys, list(facts.values())

    def _fold(self, keys: Sequence[str], facts: Sequence[Fact]) -> None:
        name, data = encode_facts(sorted(facts, key=lambda one: (one.at, one.id)))
        key = facts_key(name, self.prefix)
        with tempfile.NamedTemporaryFile() as file:
            file.write(data)
            file.flush()
            self.store.put_file(key, Path(file.name), sha256=digest_of(data))
        point("after-facts-put")
        self.guard()
        gone = [one for one in keys if one != key]
        left = self.store.delete(gone)
        log.info("facts folded", objects=len(gone) - len(left), facts=len(facts))
