"""Reads the facts in the bucket, and sorts them by session: on disk, they are many."""

import datetime
from collections import defaultdict
from collections.abc import Iterable, Iterator
from concurrent.futures import Executor
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from expokeep.errors import IntegrityError
from expokeep.model.names import SessionId, parse_session_id
from expokeep.pack.facts import MAX_FACTS_BYTES, Fact, decode_facts, is_facts_key
from expokeep.pack.format import PackDamaged
from expokeep.rebuild.heads import Damaged
from expokeep.store.base import ObjectInfo, Store

NEVER = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)

_ENCODER = msgspec.json.Encoder()
_DECODER = msgspec.json.Decoder(Fact)


def facts_in(store: Store, found: ObjectInfo) -> list[Fact]:
    """Return the facts that an object of the bucket holds.

    Raises:
        IntegrityError: it is gone, damaged, or larger than what we would write.
    """
    if found.size_bytes > MAX_FACTS_BYTES:
        raise PackDamaged("it is larger than facts ever are")
    return decode_facts(store.get(found.key, 0, found.size_bytes))


@dataclass(slots=True)
class Heard:
    """The facts of all sessions, below a directory of ours."""

    place: Path
    count: int = 0
    newest_at: datetime.datetime = NEVER
    newest: dict[str, datetime.datetime] = field(default_factory=dict)
    """Of each session, when its newest fact was noted."""

    def read(
        self, store: Store, objects: Iterable[ObjectInfo], prefix: str, pool: Executor
    ) -> Iterator[Damaged]:
        """Read every object of facts; yield those that are none."""
        self.place.mkdir(mode=0o700, parents=True, exist_ok=True)
        for old in self.place.iterdir():
            old.unlink()

        def one(found: ObjectInfo) -> list[Fact] | Damaged:
            try:
                facts = facts_in(store, found)
                for fact in facts:
                    # Whoever wrote it: it becomes the name of a file here.
                    parse_session_id(fact.sid)
            except (IntegrityError, ValueError) as error:
                return Damaged(found.key, str(error))
            return facts

        ours = [found for found in objects if is_facts_key(found.key, prefix)]
        for facts in pool.map(one, ours):
            if isinstance(facts, Damaged):
                yield facts
            else:
                self.add(facts)

    def add(self, facts: Iterable[Fact]) -> None:
        """Take facts, in any order."""
        by_session = defaultdict(list)
        for fact in facts:
            by_session[fact.sid].append(_ENCODER.encode(fact))
            self.count += 1
            self.newest_at = max(self.newest_at, fact.at)
            before = self.newest.get(fact.sid, fact.at)
            self.newest[fact.sid] = max(before, fact.at)
        for sid, lines in by_session.items():
            with (self.place / sid).open("ab") as out:
                out.write(b"\n".join(lines) + b"\n")

    def of(self, session: SessionId) -> list[Fact]:
        """Return what is said of one session, in no order."""
        if session not in self.newest:
            return []
        lines = (self.place / session).read_bytes().splitlines()
        return [_DECODER.decode(line) for line in lines]
