"""Proofs: what checks and drills found, by whom and when."""

import datetime
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from psycopg import Connection
from psycopg.rows import TupleRow, class_row
from psycopg.types.json import Jsonb

from expokeep.catalog import queries
from expokeep.catalog.connection import Database
from expokeep.catalog.evidence import Proof, ProofKind
from expokeep.catalog.values import Host

_SQL = queries.beside(__file__)


@dataclass(frozen=True, slots=True)
class PostgresProofs:
    """Implements `evidence.Proofs`; what each method promises is said there."""

    database: Database
    host: Host

    def record(
        self,
        kind: ProofKind,
        started_at: datetime.datetime,
        *,
        is_well: bool,
        body: Mapping[str, Any],
    ) -> None:
        """Write down what came of one, as ended now, by this host."""
        values = {
            "kind": kind,
            "host": self.host.id,
            "name": self.host.name,
            "started_at": started_at,
            "is_well": is_well,
            "body": Jsonb(dict(body)),
        }
        query = _SQL["record"]
        self.database.run(lambda connection: connection.execute(query, values).rowcount)

    def last(self, kind: ProofKind) -> Proof | None:
        """Return the newest one, of whatever it was."""
        return next(iter(self._found("last", kind=kind)), None)

    def telling(self, kind: ProofKind) -> Proof | None:
        """Return the newest one that says how all is: of everything, or not well."""
        return next(iter(self._found("telling", kind=kind)), None)

    def since(self, kind: ProofKind, age_s: float) -> list[Proof]:
        """Return those that ended within so many seconds, oldest first."""
        return self._found("since", kind=kind, age_s=age_s)

    def _found(self, query: str, **values: object) -> list[Proof]:
        def work(connection: Connection[TupleRow]) -> list[Proof]:
            with connection.cursor(row_factory=class_row(Proof)) as cursor:
                return cursor.execute(_SQL[query], values).fetchall()

        return self.database.run(work)
