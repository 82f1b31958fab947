"""Checking: what the catalog says there is, row by row, for somebody who doubts it."""

import uuid
from collections import defaultdict
from collections.abc import Collection, Iterator
from dataclasses import dataclass

from psycopg import Connection
from psycopg.rows import TupleRow, class_row

from expokeep.catalog import queries
from expokeep.catalog.connection import Database, reading
from expokeep.catalog.evidence import (
    EpochRow,
    PackRow,
    SessionRows,
    Span,
    VersionRow,
)
from expokeep.catalog.values import Place
from expokeep.model.digest import Digest
from expokeep.model.names import SessionId
from expokeep.model.tree import Directory, Entry, File, Link

_SQL = queries.beside(__file__)

_PACKS_AT_ONCE = 10_000
_DIGESTS_AT_ONCE = 1000
_NIL = uuid.UUID(int=0)


@dataclass(frozen=True, slots=True)
class PostgresChecking:
    """Implements `check.ports.Ledger`; what each method promises is said there."""

    database: Database
    scope: str = "main"

    def sessions(self) -> list[SessionId]:
        """Return all sessions, also those that are deleted."""
        return [session for (session,) in self._rows("sessions", scope=self.scope)]

    def packs(self, ids: Collection[uuid.UUID] | None = None) -> Iterator[PackRow]:
        """Yield packs, a page from each moment; those that are gone are left out."""
        values = {"scope": self.scope, "ids": None if ids is None else list(ids)}
        query, after = _SQL["packs"], _NIL

        def work(connection: Connection[TupleRow]) -> list[PackRow]:
            with connection.cursor(row_factory=class_row(PackRow)) as cursor:
                page = {**values, "after": after, "limit": _PACKS_AT_ONCE}
                return cursor.execute(query, page).fetchall()

        while page := self.database.run(work):
            yield from page
            after = page[-1].id

    def packs_of(self, session: SessionId) -> list[PackRow]:
        """Return the packs that a session stands on."""
        found = [pack for (pack,) in self._rows("packs_of", session=session)]
        return list(self.packs(found))

    def known_keys(self, keys: Collection[str]) -> frozenset[str]:
        """Return which of these keys a pack has."""
        return frozenset(key for (key,) in self._rows("known_keys", keys=list(keys)))

    def session(self, session: SessionId) -> SessionRows | None:
        """Return all rows of a session's versions, from one moment."""

        def work(connection: Connection[TupleRow]) -> SessionRows | None:
            rows = Rows(connection, session)
            with reading(connection):
                counters = rows.counters()
                if counters is None:
                    return None
                versions, epochs, spans = rows.versions(), rows.epochs(), rows.spans()
            return SessionRows(session, *counters, versions, epochs, spans)

        return self.database.run(work)

    def places(self, pack: uuid.UUID) -> list[Place]:
        """Return what a pack holds, as the catalog has it, in the order of places."""
        return [Place(*row) for row in self._rows("places", pack=pack)]

    def naming(self, digests: Collection[Digest]) -> dict[SessionId, tuple[int, ...]]:
        """Return the versions that name any of these contents."""
        found: dict[SessionId, set[int]] = defaultdict(set)
        wanted = sorted(digests)
        for start in range(0, len(wanted), _DIGESTS_AT_ONCE):
            some = wanted[start : start + _DIGESTS_AT_ONCE]
            rows = self._rows("naming", scope=self.scope, digests=some)
            for session, seq in rows:
                found[session].add(seq)
        return {session: tuple(sorted(found[session])) for session in sorted(found)}

    def told_by(self, pack: uuid.UUID) -> dict[SessionId, tuple[int, ...]]:
        """Return the versions that the manifest of a pack tells."""
        found: dict[SessionId, list[int]] = defaultdict(list)
        for session, seq in self._rows("told_by", pack=pack):
            found[session].append(seq)
        return {session: tuple(seqs) for session, seqs in found.items()}

    def doubt(
        self, pack: uuid.UUID, digests: Collection[Digest], *, doubted: bool
    ) -> None:
        """Note whether nobody may count on contents that a pack is to hold."""
        query = _SQL["doubt"]
        values = {"pack": pack, "digests": sorted(digests), "doubted": doubted}
        self.database.run(lambda connection: connection.execute(query, values).rowcount)

    def _rows(self, name: str, **values: object) -> list[TupleRow]:
        def work(connection: Connection[TupleRow]) -> list[TupleRow]:
            with connection.cursor(binary=True) as cursor:
                return cursor.execute(_SQL[name], values).fetchall()

        return self.database.run(work)


@dataclass(frozen=True, slots=True)
class Rows:
    """What is asked of one session, in the caller's transaction."""

    connection: Connection[TupleRow]
    session: SessionId

    def counters(self) -> tuple[int | None, int] | None:
        """Return the numbers of the head and of the newest version."""
        row = self.connection.execute(_SQL["counters"], self._asked).fetchone()
        return None if row is None else (row[0], row[1])

    def versions(self) -> list[VersionRow]:
        """Return the versions, by number."""
        with self.connection.cursor(row_factory=class_row(VersionRow)) as cursor:
            return cursor.execute(_SQL["versions"], self._asked).fetchall()

    def epochs(self) -> list[EpochRow]:
        """Return the epochs, by number."""
        with self.connection.cursor(row_factory=class_row(EpochRow)) as cursor:
            return cursor.execute(_SQL["epochs"], self._asked).fetchall()

    def spans(self) -> dict[int, list[Span]]:
        """Return the entries of each epoch, in the order in which they begin."""
        found: dict[int, list[Span]] = defaultdict(list)
        with self.connection.cursor(binary=True) as cursor:
            for row in cursor.execute(_SQL["spans"], self._asked).fetchall():
                epoch, first_seq, end_seq = row[7:]
                found[epoch].append(Span(row[0], first_seq, end_seq, _entry(row)))
        return found

    @property
    def _asked(self) -> dict[str, object]:
        return {"session": self.session}


def _entry(row: TupleRow) -> Entry | None:
    """Return the entry of a row, if it is one; a row that was altered may not be."""
    _, kind, mode, mtime_ns, digest, size_bytes, target = row[:7]
    if kind == "l":
        return None if target is None else Link(target, mtime_ns)
    if kind == "d":
        return Directory(mode, mtime_ns)
    return None if digest is None else File(digest, size_bytes, mode, mtime_ns)
