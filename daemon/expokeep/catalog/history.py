"""History: which entry a path had from which version to which, one row per change."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from psycopg import Connection
from psycopg.rows import TupleRow

from expokeep.catalog import queries
from expokeep.catalog.values import Found, NewVersion, Place, RootOwner
from expokeep.model.digest import Digest
from expokeep.model.names import SessionId
from expokeep.model.tree import Directory, Entry, File, Link
from expokeep.model.version import Version

_SQL = queries.beside(__file__)

_NAMES_AT_ONCE = 5000


@dataclass(frozen=True, slots=True)
class History:
    """What is asked of paths and their entries, in the caller's transaction."""

    connection: Connection[TupleRow]

    def name_paths(self, session: SessionId, names: Collection[bytes]) -> None:
        """Make names known."""
        values = {"session": session, "names": list(names)}
        self.connection.execute(_SQL["name_paths"], values)

    def end(self, new: NewVersion, names: Collection[bytes]) -> None:
        """Let the entries of `names` end before a version."""
        values = {
            "session": new.session,
            "epoch": new.epoch,
            "seq": new.seq,
            "names": list(names),
        }
        self.connection.execute(_SQL["end"], values)

    def start(self, new: NewVersion) -> None:
        """Let the entries of a delta start with its version."""
        columns = zip(*map(_columns, new.delta.set.values()), strict=True)
        kinds, modes, mtimes_ns, digests, targets = columns
        values = {
            "session": new.session,
            "epoch": new.epoch,
            "seq": new.seq,
            "names": list(new.delta.set),
            "kinds": list(kinds),
            "modes": list(modes),
            "mtimes_ns": list(mtimes_ns),
            "digests": list(digests),
            "targets": list(targets),
        }
        self.connection.execute(_SQL["start"], values)

    def root(self, version: Version) -> RootOwner | None:
        """Return whose the directory is, if there is such a version."""
        row = self.connection.execute(_SQL["root"], _of(version)).fetchone()
        return None if row is None else RootOwner(*row)

    def tree(self, version: Version) -> dict[bytes, Entry]:
        """Return the tree of a version."""
        with self.connection.cursor(binary=True) as cursor:
            cursor.execute(_SQL["tree"], _of(version))
            return {row[0]: entry_in(row) for row in cursor.fetchall()}

    def kept(self, version: Version) -> tuple[dict[bytes, Entry], dict[Digest, Place]]:
        """Return the tree of a version, and where its contents are."""
        with self.connection.cursor(binary=True) as cursor:
            rows = cursor.execute(_SQL["kept"], _of(version)).fetchall()
        tree = {row[0]: entry_in(row) for row in rows}
        places = {row[4]: Place(row[4], row[5], *row[7:]) for row in rows if row[4]}
        return tree, places

    def names(self, sessions: Collection[SessionId]) -> Iterator[tuple[int, bytes]]:
        """Yield every name that was ever kept, with its id; in any order."""
        with self.connection.cursor("names", binary=True) as cursor:
            cursor.itersize = _NAMES_AT_ONCE
            yield from cursor.execute(_SQL["names"], {"sessions": list(sessions)})

    def lives(self, paths: Collection[int]) -> list[Found]:
        """Return all entries that paths ever had, sorted."""
        with self.connection.cursor(binary=True) as cursor:
            rows = cursor.execute(_SQL["lives"], {"paths": list(paths)}).fetchall()
        return [Found(row[7], row[0], entry_in(row), *row[8:]) for row in rows]


def _of(version: Version) -> Mapping[str, Any]:
    return {
        "session": version.session,
        "epoch": version.epoch,
        "seq": version.seq,
    }


def _columns(
    entry: Entry,
) -> tuple[str, int | None, int, Digest | None, bytes | None]:
    match entry:
        case File():
            return "f", entry.mode, entry.mtime_ns, entry.digest, None
        case Link():
            return "l", None, entry.mtime_ns, None, entry.target
        case Directory():
            return "d", entry.mode, entry.mtime_ns, None, None


def entry_in(row: TupleRow) -> Entry:
    """Return the entry in the columns that such queries begin with: see `tree`."""
    _, kind, mode, mtime_ns, digest, size_bytes, target = row[:7]
    if kind == "f":
        return File(digest, size_bytes, mode, mtime_ns)
    if kind == "l":
        return Link(target, mtime_ns)
    return Directory(mode, mtime_ns)
