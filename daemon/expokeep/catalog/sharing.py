"""Shares: what is lent, who may have it, and what came of it."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, TypeVar

from psycopg import Connection
from psycopg.rows import TupleRow, class_row, dict_row, scalar_row

from expokeep.catalog import queries
from expokeep.catalog.connection import Database
from expokeep.catalog.sessions import Sessions
from expokeep.catalog.shares import (
    Door,
    NewShare,
    NewUse,
    Popular,
    Refusal,
    ShareRow,
    Use,
    UseRow,
)
from expokeep.errors import NotFound
from expokeep.model.names import SessionId

_SQL = queries.beside(__file__)

MOST_WRONG = 10
"""Wrong passwords for one share, then nobody is let in for a while."""
WRONG_WITHIN_S = 600.0

Row = TypeVar("Row")


@dataclass(frozen=True, slots=True)
class PostgresShares:
    """Implements `share.ports.Shares`; what it promises is said there."""

    database: Database

    def create(self, new: NewShare) -> None:
        """Make a share."""
        values = {**asdict(new), "is_listed": new.users is not None}
        values["users"] = list(new.users or ())
        query = _SQL["create"]

        def work(connection: Connection[TupleRow]) -> bool:
            with connection.transaction():
                Sessions(connection).lock(new.session)
                is_made = connection.execute(query, values).rowcount == 1
                self.admit(connection, values)
            return is_made

        if not self.database.run(work):
            raise NotFound(f"this version of {new.session} is no longer kept")

    def admit(self, connection: Connection[TupleRow], values: dict[str, Any]) -> None:
        """Write down who may use a share; part of its making."""
        connection.execute(_SQL["admit"], values)

    def door(self, token: bytes, user: str | None) -> Door | None:
        """Return the share of a token, as it stands before a user."""
        values = {
            "token": token,
            "user": user,
            "most_wrong": MOST_WRONG,
            "wrong_within_s": WRONG_WITHIN_S,
        }
        return next(iter(self._all(Door, _SQL["door"], values)), None)

    def note_look(self, name: str, seq: int) -> None:
        """Note that somebody has looked for secrets, and found none."""
        self._do(_SQL["note_look"], {"name": name, "seq": seq})

    def reserve(self, new: NewUse, seq: int) -> Use | None:
        """Count a use, if it may be."""
        values = {**asdict(new), "seq": seq}
        return next(iter(self._all(Use, _SQL["reserve"], values)), None)

    def settle(self, use: int) -> None:
        """Note that something came of a use."""
        self._do(_SQL["settle"], {"use": use})

    def give_back(self, use: int) -> None:
        """Note that nothing came of a use, and count it no more."""
        self._do(_SQL["give_back"], {"use": use})

    def settle_found(self) -> int:
        """Settle uses that were cut short and came to something; return how many."""
        return self._do(_SQL["settle_found"], {})

    def give_back_lost(self, *, after_s: float, grace_s: float) -> int:
        """Give back uses of which nothing can come; return of how many shares."""
        values = {"after_s": after_s, "grace_s": grace_s}
        return self._do(_SQL["give_back_lost"], values)

    def refuse(self, name: str, reason: str, user: str | None) -> None:
        """Count that somebody was turned away."""
        self._do(_SQL["refuse"], {"name": name, "reason": reason, "user": user})

    def count_wrong(self, name: str) -> None:
        """Count a wrong password."""
        self._do(_SQL["count_wrong"], {"name": name, "within_s": WRONG_WITHIN_S})

    def rows(
        self,
        pepper: bytes,
        *,
        limit: int = 1000,
        include_over: bool = False,
        **only: str | bytes | int | None,
    ) -> list[ShareRow]:
        """Return shares, the newest first."""
        nobody = dict.fromkeys(("name", "token", "session", "owner", "uid"))
        values = {**nobody, **only, "pepper": pepper, "limit": limit}
        query = _SQL["rows"]

        def work(connection: Connection[TupleRow]) -> list[ShareRow]:
            with connection.cursor(row_factory=dict_row) as cursor:
                rows = cursor.execute(query, {**values, "all": include_over}).fetchall()
            return [_row(row) for row in rows]

        return self.database.run(work)

    def revoke(self, names: Sequence[str], by: str) -> list[str]:
        """End shares; return those that were not ended before."""
        values = {"names": list(names), "by": by}
        query = _SQL["revoke"]

        def work(connection: Connection[TupleRow]) -> list[str]:
            with connection.cursor(row_factory=scalar_row) as cursor:
                return cursor.execute(query, values).fetchall()

        return self.database.run(work)

    def uses(self, name: str, *, limit: int) -> list[UseRow]:
        """Return the uses of a share, the newest first."""
        return self._all(UseRow, _SQL["uses"], {"name": name, "limit": limit})

    def refusals(self, name: str) -> list[Refusal]:
        """Return how often somebody was turned away, and for what."""
        return self._all(Refusal, _SQL["refusals"], {"name": name})

    def top(self, *, owner: str | None, uid: int | None, limit: int) -> list[Popular]:
        """Return sessions by how often they were imported."""
        values = {"owner": owner, "uid": uid, "limit": limit}
        return self._all(Popular, _SQL["top"], values)

    def strange(self, pepper: bytes) -> int:
        """Return how many live shares were made under another key."""
        query = _SQL["strange"]

        def work(connection: Connection[TupleRow]) -> int:
            with connection.cursor(row_factory=scalar_row) as cursor:
                found: int = cursor.execute(query, {"pepper": pepper}).fetchall()[0]
                return found

        return self.database.run(work)

    def _all(self, kind: type[Row], query: str, values: dict[str, Any]) -> list[Row]:
        def work(connection: Connection[TupleRow]) -> list[Row]:
            with connection.cursor(row_factory=class_row(kind)) as cursor:
                return cursor.execute(query, values).fetchall()

        return self.database.run(work)

    def _do(self, query: str, values: dict[str, Any]) -> int:
        return self.database.run(
            lambda connection: connection.execute(query, values).rowcount
        )


def _row(row: dict[str, Any]) -> ShareRow:
    users = None if row["users"] is None else tuple(row["users"])
    return ShareRow(**{**row, "session": SessionId(row["session"]), "users": users})
