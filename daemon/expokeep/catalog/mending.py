"""Mending: what a repair writes, each thing in one transaction."""

import uuid
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from psycopg import Connection
from psycopg.rows import TupleRow

from expokeep.catalog import queries
from expokeep.catalog.connection import Database
from expokeep.catalog.evidence import Named, Span
from expokeep.catalog.values import Host, PackGone, PackRecord, Place
from expokeep.model.digest import Digest
from expokeep.model.names import SessionId
from expokeep.model.tree import Directory, Entry, File, Link

_SQL = queries.beside(__file__)

MOST_NAMES = 100_000


@dataclass(frozen=True, slots=True)
class PostgresMending:
    """Implements `check.ports.Mender`; what each method promises is said there."""

    database: Database
    host: Host
    scope: str = "main"

    def begin(self, session: SessionId, pack: PackRecord) -> None:
        """Record the intent of a pack."""
        self._do(
            "begin",
            session=session,
            pack=pack.id,
            key=pack.key,
            kind=pack.kind,
            level=pack.level,
            host=self.host.id,
        )

    def replace(
        self,
        session: SessionId,
        pack: PackRecord,
        places: Sequence[Place],
        *,
        old: Collection[uuid.UUID],
        told: Collection[int],
    ) -> None:
        """Show a pack that is durable, in the place of others."""

        def work(connection: Connection[TupleRow]) -> None:
            swap = Swap(connection, pack, list(old))
            with connection.transaction():
                if not swap.hold():
                    raise PackGone(f"pack {pack.id} is no intent any more")
                swap.move(places)
                swap.publish()
                swap.tell(session, told)
                swap.retire()

        self.database.run(work)

    def move(self, places: Sequence[Place]) -> None:
        """Look for contents where they are, in the packs that hold them already."""
        packs = {place.pack for place in places}
        self._do("move", **_columns(places), old=list(packs))

    def publish(self, pack: uuid.UUID) -> None:
        """Make a pack live that is there and needed."""
        self._do("publish", pack=pack, size_bytes=None)

    def park(self, session: SessionId, seqs: Collection[int], reason: str) -> None:
        """Park versions; those that are parked get another reason beside theirs."""
        self._do("park", session=session, seqs=list(seqs), reason=reason)

    def unpark(self, session: SessionId, seqs: Collection[int]) -> None:
        """Take back that versions are damaged."""
        self._do("unpark", session=session, seqs=list(seqs))

    def damaged(self) -> dict[SessionId, tuple[int, ...]]:
        """Return the versions that are parked as damaged."""
        query, found = _SQL["damaged"], dict[SessionId, tuple[int, ...]]()
        rows = self.database.run(
            lambda connection: connection.execute(
                query, {"scope": self.scope}
            ).fetchall()
        )
        for sid, seq in rows:
            found[sid] = (*found.get(sid, ()), seq)
        return found

    def move_head(self, session: SessionId, seq: int) -> None:
        """Let another version be the head."""
        self._do("move_head", session=session, seq=seq)

    def count(self, session: SessionId) -> None:
        """Let the counters of a session follow its versions."""
        query = _SQL["count"]

        def work(connection: Connection[TupleRow]) -> None:
            rows = Counters(connection, session)
            with connection.transaction():
                rows.lock()
                connection.execute(query, {"session": session})
                rows.end_chains()

        self.database.run(work)

    def sum(
        self, session: SessionId, seq: int, *, file_count: int, size_bytes: int
    ) -> None:
        """Let the sums of a version follow its tree."""
        self._do(
            "sum",
            session=session,
            seq=seq,
            file_count=file_count,
            size_bytes=size_bytes,
        )

    def names(self, digests: Collection[Digest]) -> list[Named]:
        """Return where contents were, as far as anybody named them; newest first."""
        query, wanted = _SQL["names"], sorted(digests)
        values = {"scope": self.scope, "digests": wanted, "limit": MOST_NAMES}

        def work(connection: Connection[TupleRow]) -> list[Named]:
            with connection.cursor(binary=True) as cursor:
                return [Named(*row) for row in cursor.execute(query, values).fetchall()]

        return self.database.run(work)

    def write(
        self,
        session: SessionId,
        epoch: int,
        spans: Sequence[Span],
        places: Sequence[Place],
    ) -> None:
        """Write all entries of an epoch anew, and what is known of their contents."""

        def work(connection: Connection[TupleRow]) -> None:
            rows = Entries(connection, session, epoch)
            with connection.pipeline(), connection.transaction():
                Counters(connection, session).lock()
                rows.add_blobs(places)
                rows.forget_entries()
                rows.name_paths(spans)
                rows.write_entries(spans)

        self.database.run(work)

    def _do(self, name: str, **values: object) -> None:
        self.database.run(
            lambda connection: connection.execute(_SQL[name], values).rowcount
        )


@dataclass(frozen=True, slots=True)
class Swap:
    """One pack that takes the place of others, in the caller's transaction."""

    connection: Connection[TupleRow]
    pack: PackRecord
    old: list[uuid.UUID]

    def hold(self) -> bool:
        """Return whether the pack is an intent; it stays one until the end."""
        values = {"pack": self.pack.id}
        return self.connection.execute(_SQL["hold"], values).fetchone() is not None

    def move(self, places: Sequence[Place]) -> None:
        """Look for contents in the new pack."""
        self.connection.execute(_SQL["move"], {**_columns(places), "old": self.old})

    def publish(self) -> None:
        """Make it live."""
        values = {"pack": self.pack.id, "size_bytes": self.pack.size_bytes}
        self.connection.execute(_SQL["publish"], values)

    def tell(self, session: SessionId, seqs: Collection[int]) -> None:
        """Let its manifest be the one that tells versions."""
        values = {"session": session, "seqs": list(seqs), "pack": self.pack.id}
        self.connection.execute(_SQL["tell"], values)

    def retire(self) -> None:
        """Let the others go, if nobody needs them any more."""
        self.connection.execute(_SQL["retire"], {"old": self.old})


@dataclass(frozen=True, slots=True)
class Counters:
    """What follows from the versions of a session, in the caller's transaction."""

    connection: Connection[TupleRow]
    session: SessionId

    def lock(self) -> None:
        """Keep everybody else from changing the session."""
        self.connection.execute(_SQL["lock"], {"session": self.session})

    def end_chains(self) -> None:
        """Let each chain end with its newest version."""
        self.connection.execute(_SQL["end_chains"], {"session": self.session})


@dataclass(frozen=True, slots=True)
class Entries:
    """The entries of one epoch, in the caller's transaction."""

    connection: Connection[TupleRow]
    session: SessionId
    epoch: int

    def add_blobs(self, places: Sequence[Place]) -> None:
        """Make contents known that packs hold."""
        if places:
            self.connection.execute(_SQL["add_blobs"], _columns(places))

    def forget_entries(self) -> None:
        """Remove them all."""
        self.connection.execute(_SQL["forget_entries"], self._asked)

    def name_paths(self, spans: Sequence[Span]) -> None:
        """Make their names known."""
        names = {**self._asked, "names": [span.path for span in spans]}
        self.connection.execute(_SQL["name_paths"], names)

    def write_entries(self, spans: Sequence[Span]) -> None:
        """Write them."""
        entries = [_entry(span.entry) for span in spans]
        values = {
            **self._asked,
            "names": [span.path for span in spans],
            "firsts": [span.first_seq for span in spans],
            "ends": [span.end_seq for span in spans],
            "kinds": [entry[0] for entry in entries],
            "modes": [entry[1] for entry in entries],
            "mtimes_ns": [entry[2] for entry in entries],
            "digests": [entry[3] for entry in entries],
            "targets": [entry[4] for entry in entries],
        }
        self.connection.execute(_SQL["write_entries"], values)

    @property
    def _asked(self) -> Mapping[str, object]:
        return {"session": self.session, "epoch": self.epoch}


def _entry(
    entry: Entry | None,
) -> tuple[str, int | None, int, Digest | None, bytes | None]:
    match entry:
        case File():
            return "f", entry.mode, entry.mtime_ns, entry.digest, None
        case Link():
            return "l", None, entry.mtime_ns, None, entry.target
        case Directory():
            return "d", entry.mode, entry.mtime_ns, None, None
    raise ValueError("an entry without contents cannot be written")


def _columns(places: Sequence[Place]) -> dict[str, object]:
    return {
        "digests": [place.digest for place in places],
        "sizes_bytes": [place.size_bytes for place in places],
        "packs": [place.pack for place in places],
        "frame_offsets": [place.frame_offset for place in places],
        "frame_lengths": [place.frame_length for place in places],
        "frame_raw_lengths": [place.frame_raw_length for place in places],
        "raw_offsets": [place.offset for place in places],
    }
