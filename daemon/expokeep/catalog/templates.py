"""Templates: names for versions that sessions are begun with, and that stay for that.

A user's names are its own: two users may each have a template called `blank`.
"""

import datetime
from dataclasses import dataclass

from psycopg import Connection
from psycopg.rows import TupleRow, class_row

from expokeep.catalog import queries
from expokeep.catalog.connection import Database
from expokeep.catalog.sessions import Sessions
from expokeep.errors import ExpokeepError, NotFound
from expokeep.model.names import SessionId
from expokeep.model.version import Version

_SQL = queries.beside(__file__)

MANY = 100_000


class TemplateExists(ExpokeepError):
    """Another version has the name already."""

    exit_code = 4
    hint = "Choose another name, or delete that template first."


class IsTemplate(ExpokeepError):
    """New sessions are begun with a version of what was to be deleted."""

    exit_code = 4
    hint = "`expokeep template delete NAME` first; versions of it stay until then."


@dataclass(frozen=True, slots=True)
class Template:
    """A version that sessions are begun with."""

    name: str
    owner: str | None
    """Of the session when the template was made."""
    uid: int
    """Whose the directory of the session was then."""
    session: SessionId
    seq: int
    created_at: datetime.datetime
    project_name: str | None
    file_count: int
    size_bytes: int


@dataclass(frozen=True, slots=True)
class PostgresTemplates:
    """What is asked of templates: each method one short transaction."""

    database: Database

    def create(self, version: Version, name: str) -> None:
        """Give a version a name as a template. From here on it stays.

        Raises:
            TemplateExists: the owner of its session has one of that name.
            NotFound: the version, or the session, is no longer kept.
        """
        query = _SQL["create"]
        values = {"session": version.session, "seq": version.seq, "name": name}

        def work(connection: Connection[TupleRow]) -> bool:
            with connection.transaction():
                Sessions(connection).lock(version.session)
                made = connection.execute(query, values).fetchone()
                return made is not None

        if self.database.run(work):
            return
        for one in self.templates(name=name):
            if one.session == version.session and one.seq == version.seq:
                return  # the answer to an earlier try was lost
        if self.is_kept(version):
            raise TemplateExists(f"there is a template {name} already")
        raise NotFound(f"version {version.seq} of {version.session} is no longer kept")

    def templates(
        self,
        *,
        name: str | None = None,
        owner: str | None = None,
        uid: int | None = None,
        session: SessionId | None = None,
        limit: int = MANY,
    ) -> list[Template]:
        """Return templates by their names: of a user, of a session, or all."""
        query = _SQL["templates"]
        values = {
            "name": name,
            "owner": owner,
            "uid": uid,
            "session": session,
            "limit": limit,
        }

        def work(connection: Connection[TupleRow]) -> list[Template]:
            with connection.cursor(row_factory=class_row(Template)) as cursor:
                return cursor.execute(query, values).fetchall()

        return self.database.run(work)

    def drop(self, template: Template) -> bool:
        """Take the name away; return whether it was there. The version stays."""
        values = {
            "name": template.name,
            "owner": template.owner,
            "uid": template.uid,
        }
        query = _SQL["drop"]
        return self.database.run(
            lambda connection: connection.execute(query, values).rowcount == 1
        )

    def require_none(self, session: SessionId) -> None:
        """Check that no new session is begun with this one.

        Raises:
            IsTemplate: one is; the names are told.
        """
        found = self.templates(session=session)
        if found:
            names = ", ".join(sorted({one.name for one in found}))
            raise IsTemplate(f"session {session} is kept for templates: {names}")

    def is_kept(self, version: Version) -> bool:
        """Return whether a version is there, of a session that is not deleted."""
        query = _SQL["is_kept"]
        values = {"session": version.session, "seq": version.seq}
        return self.database.run(
            lambda connection: connection.execute(query, values).fetchone() is not None
        )
