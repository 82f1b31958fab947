"""What is told about all hosts to whoever watches: few numbers, however much there is.

Of users a few are told one by one, and the rest in one sum. Nothing names a session.
"""

from dataclasses import dataclass
from typing import Any, TypeVar

from psycopg import Connection
from psycopg.rows import TupleRow, class_row

from expokeep.catalog import queries
from expokeep.catalog.connection import Database, reading
from expokeep.catalog.values import Host

_SQL = queries.beside(__file__)

_ANSWER_S = 60.0

Row = TypeVar("Row")


@dataclass(frozen=True, slots=True)
class Standing:
    """How things are."""

    parked_sessions: int
    """Whose newest version is parked."""
    held_alive: int
    """Snapshots that other hosts could not record yet, as they last told."""
    held_silent: int
    """Of hosts that nobody has heard of for longer than a lease."""
    live_shares: int
    expired_shares: int
    revoked_shares: int
    used_up_shares: int


@dataclass(frozen=True, slots=True)
class Refusals:
    """How often somebody with a token was turned away for a reason."""

    reason: str
    count: int


@dataclass(frozen=True, slots=True)
class Done:
    """How long ago a chore was done, by any host."""

    name: str
    age_s: float


@dataclass(frozen=True, slots=True)
class Has:
    """What a user has."""

    user: str | None
    """None: nobody's, or that of all others."""
    is_other: bool
    sessions: int
    stored_bytes: int
    saves_per_day: float


@dataclass(frozen=True, slots=True)
class Used:
    """How much a user has used of what there may be; 1 is all."""

    user: str | None
    is_other: bool
    """Of all others: the highest."""
    builds_ratio: float | None
    bytes_ratio: float | None
    """None: no such limit."""
    near_80: int
    """Users, of those in this row, who use 80 percent of one of them, or more."""
    near_95: int
    near_100: int


@dataclass(frozen=True, slots=True)
class Figures:
    """All of it, as of one moment."""

    now: Standing
    turned_away: list[Refusals]
    done: list[Done]
    has: list[Has]
    used: list[Used]


@dataclass(frozen=True, slots=True)
class PostgresFigures:
    """Asks Postgres, on a connection of its own: it reads much."""

    database: Database

    def figures(self, host: Host, *, most_users: int, max_builds: int) -> Figures:
        """Return the figures, with so many users one by one.

        Raises:
            BackendUnreachable, ...: there is no answer in time.
        """
        with (
            self.database.apart(answer_s=_ANSWER_S) as connection,
            reading(connection),
        ):
            asked = Asking(connection)
            return Figures(
                now=asked.standing(host),
                turned_away=asked.refusals(),
                done=asked.chores(),
                has=asked.users(most_users),
                used=asked.quotas(most_users, max_builds),
            )


@dataclass(frozen=True, slots=True)
class Asking:
    """What is asked of the tables, in the caller's transaction."""

    connection: Connection[TupleRow]

    def standing(self, host: Host) -> Standing:
        """Return how things are, as a host sees them."""
        (found,) = self._rows(Standing, _SQL["standing"], host=host.id)
        return found

    def refusals(self) -> list[Refusals]:
        """Return how often somebody was turned away, by reason."""
        return self._rows(Refusals, _SQL["refusals"])

    def chores(self) -> list[Done]:
        """Return when what was done."""
        return self._rows(Done, _SQL["chores"])

    def users(self, most: int) -> list[Has]:
        """Return those who have most stored, and all others in one row."""
        return self._rows(Has, _SQL["users"], most=most)

    def quotas(self, most: int, max_builds: int) -> list[Used]:
        """Return those who are nearest to a limit, and all others in one row."""
        return self._rows(Used, _SQL["quotas"], most=most, max_builds=max_builds)

    def _rows(self, kind: type[Row], query: str, **values: Any) -> list[Row]:
        with self.connection.cursor(row_factory=class_row(kind)) as cursor:
            return cursor.execute(query, values).fetchall()
