"""What a person means: sessions by how they begin, versions by VERSION, and times."""

import datetime
from collections.abc import Callable
from dataclasses import dataclass

from expokeep.catalog.base import Catalog
from expokeep.catalog.caring import WasDeleted
from expokeep.errors import NotFound, UsageError
from expokeep.model.names import SessionId, parse_session_id
from expokeep.model.version import (
    Selector,
    Version,
    VersionRef,
    parse_moment,
    parse_version_ref,
)

_NAMED = 5
"""So many sessions are named when a prefix fits several."""


@dataclass(frozen=True, slots=True)
class Naming:
    """Asks the catalog what words stand for."""

    catalog: Catalog
    now: Callable[[], datetime.datetime]

    def version(self, ref: str) -> Version:
        """Return the version that is meant.

        Raises:
            UsageError: these words name no version, or they fit several sessions.
            NotFound: there is none.
        """
        try:
            return self.catalog.resolve(parse_version_ref(ref, now=self.now()))
        except ValueError as error:
            raise UsageError(str(error)) from error

    def session(self, text: str) -> SessionId:
        """Return the session that is meant.

        Raises:
            UsageError: it is no id, or it fits several sessions.
            NotFound: there is none.
        """
        try:
            prefix = parse_session_id(text)
        except ValueError as error:
            raise UsageError(str(error)) from error
        if self.catalog.session(prefix) is not None:
            return prefix
        # What was deleted must not stand for another one that begins like it.
        if self.catalog.session(prefix, deleted_too=True) is not None:
            raise WasDeleted(prefix)
        rows = self.catalog.sessions(prefix=prefix, limit=_NAMED + 1)
        if not rows:
            raise NotFound(f"no session {prefix} is kept")
        if len(rows) > 1:
            names = ", ".join(row.session for row in rows[:_NAMED])
            more = ", ..." if len(rows) > _NAMED else ""
            raise UsageError(f"{prefix} fits several sessions: {names}{more}")
        return rows[0].session

    def moment(self, text: str) -> datetime.datetime:
        """Return the moment that is meant.

        Raises:
            UsageError: these words name none.
        """
        try:
            return parse_moment(text, now=self.now())
        except (ValueError, OverflowError) as error:
            raise UsageError(f"{text!r} is no time; write 2h or 2026-11-24") from error

    def head(self, session: SessionId) -> Version | None:
        """Return the head of a session; None while all that was kept is parked."""
        try:
            return self.catalog.resolve(VersionRef(session))
        except NotFound:
            return None

    def before(self, version: Version) -> Version | None:
        """Return the version that one was made from, if there is one."""
        if version.parent is None:
            return None
        ref = VersionRef(version.session, Selector(seq=version.parent))
        return self.catalog.resolve(ref)
