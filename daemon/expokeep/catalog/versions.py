"""Versions: what was kept when, and how a person's words find one."""

import datetime
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from psycopg import Connection
from psycopg.rows import TupleRow, class_row

from expokeep.catalog import queries
from expokeep.catalog.values import PackRecord
from expokeep.model.names import SessionId
from expokeep.model.version import Version

_SQL = queries.beside(__file__)


@dataclass(frozen=True, slots=True)
class Standing:
    """All that a commit has to look at before it may write."""

    last_seq: int
    fence: int
    head_seq: int | None
    head_epoch: int | None
    host: str | None
    epoch_exists: bool
    tip_seq: int | None
    tip_pack: uuid.UUID | None
    base_seq: int | None
    tip_taken_at: datetime.datetime | None
    now: datetime.datetime
    is_done: bool
    """Whether this very commit was made before."""
    pack_states: Sequence[str]
    owner: str | None = None
    is_deleted: bool = False
    has_expired: bool = False
    head_bytes: int = 0
    """Of the files of the head."""
    is_metered: bool = False
    """Whether there is a limit to the bytes of its owner."""


@dataclass(frozen=True, slots=True)
class Versions:
    """What is asked of the table of versions, in the caller's transaction."""

    connection: Connection[TupleRow]

    def standing(
        self, session: SessionId, epoch: int, packs: Sequence[PackRecord]
    ) -> Standing | None:
        """Return what a commit looks at, if there is such a session."""
        values = {
            "session": session,
            "epoch": epoch,
            "own_pack": packs[0].id,
            "packs": [pack.id for pack in packs],
        }
        with self.connection.cursor(row_factory=class_row(Standing)) as cursor:
            return cursor.execute(_SQL["standing"], values).fetchone()

    def of_pack(self, pack: uuid.UUID) -> Version | None:
        """Return the version that a pack was committed with, if it was."""
        return self._one("of_pack", {"pack": pack})

    def record(self, version: Version) -> None:
        """Write a version down."""
        values = {
            "session": version.session,
            "seq": version.seq,
            "epoch": version.epoch,
            "parent": version.parent,
            "pack": version.pack,
            "taken_at": version.taken_at,
            "trigger": version.trigger,
            "tree": version.tree,
            "file_count": version.file_count,
            "size_bytes": version.size_bytes,
            "message": version.message,
            "author": version.author,
            "parked": version.parked,
            "origin_session": version.origin_session,
            "origin_seq": version.origin_seq,
        }
        self.connection.execute(_SQL["record"], values)

    def pin(self, session: SessionId, seq: int) -> None:
        """Keep a version from ever being forgotten by rule."""
        self.connection.execute(_SQL["pin"], {"session": session, "seq": seq})

    def accept(self, session: SessionId, seq: int) -> None:
        """Say that nothing is wrong with a version."""
        self.connection.execute(_SQL["accept"], {"session": session, "seq": seq})

    def retract(
        self, session: SessionId, packs: Sequence[uuid.UUID], reason: str
    ) -> None:
        """Park versions after all, but for those that are parked already."""
        values = {"session": session, "packs": list(packs), "reason": reason}
        self.connection.execute(_SQL["retract"], values)

    def head(self, session: SessionId) -> Version | None:
        """Return the version that a session stands at."""
        return self._one("head", {"session": session})

    def good(self, session: SessionId) -> Version | None:
        """Return the head, or the newest version that is not parked if that is."""
        return self._one("good", {"session": session})

    def labelled(self, session: SessionId, label: str) -> Version | None:
        """Return the version that was given a name."""
        return self._one("labelled", {"session": session, "label": label})

    def packed(self, session: SessionId, pack: uuid.UUID) -> Version | None:
        """Return the version that a pack was sealed for."""
        return self._one("packed", {"session": session, "pack": pack})

    def numbered(self, session: SessionId, seq: int) -> Version | None:
        """Return a version by its number."""
        return self._one("numbered", {"session": session, "seq": seq})

    def before_head(self, session: SessionId, back: int) -> Version | None:
        """Return the version that is `back` parents before head."""
        return self._one("before_head", {"session": session, "back": back})

    def taken_by(
        self,
        session: SessionId,
        at: datetime.datetime | None,
        age: datetime.timedelta | None,
    ) -> Version | None:
        """Return the newest version that was taken at or before a moment.

        That is `at`, or so long ago by the clock of Postgres.
        """
        values = {"session": session, "at": at, "age": age}
        return self._one("taken_by", values)

    def newest(
        self, session: SessionId, *, since: datetime.datetime | None, limit: int
    ) -> list[Version]:
        """Return versions, the one with the highest number first."""
        values = {"session": session, "since": since, "limit": limit}
        with self.connection.cursor(row_factory=class_row(Version)) as cursor:
            return cursor.execute(_SQL["newest"], values).fetchall()

    def _one(self, query: str, values: dict[str, Any]) -> Version | None:
        with self.connection.cursor(row_factory=class_row(Version)) as cursor:
            return cursor.execute(_SQL[query], values).fetchone()
