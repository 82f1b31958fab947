"""Answers what was kept. Stands on the catalog, and on whoever can bring contents.

Versions are named here as a person names them; a time without a zone is in UTC, so a
client that means its own says so before it asks.
"""

import datetime
from collections.abc import Callable, Collection, Iterator, Sequence
from itertools import islice
from typing import Literal

from expokeep.catalog.base import Catalog
from expokeep.catalog.past_values import Viewer
from expokeep.catalog.values import Found, SessionRow
from expokeep.errors import ExpokeepError, NotFound, UsageError
from expokeep.history.blame_documents import Blame
from expokeep.history.blaming import Blaming
from expokeep.history.changes import Change, below, changes
from expokeep.history.comparing import Detail, compared
from expokeep.history.contents import Contents, Reader
from expokeep.history.documents import (
    Difference,
    Finding,
    Match,
    SessionDocument,
    SessionList,
    TreeListing,
    VersionShown,
)
from expokeep.history.hooked import hook_of
from expokeep.history.logged import logged
from expokeep.history.naming import Naming
from expokeep.history.past import Past, require_past
from expokeep.history.version_log import (
    Aside,
    EpochDocument,
    LogWish,
    VersionLog,
    epoch_document,
    waiting_count,
    with_asides,
)
from expokeep.model.digest import Digest
from expokeep.model.documents import entry_document, version_document
from expokeep.model.names import SessionId, for_terminal, plain, to_text
from expokeep.model.tree import Entry, File, Link, Tree
from expokeep.model.version import Version

Sort = Literal["age", "rpo", "size"]
"""Of sessions: used last first; longest since the last save first; largest first."""

MAX_MATCHES = 10_000
MAX_SESSIONS = 100_000
MAX_VERSIONS = 100_000


class History:
    """What was kept, asked. Safe from any thread, as its catalog is."""

    def __init__(
        self,
        catalog: Catalog,
        contents: Contents,
        now: Callable[[], datetime.datetime],
        aside: Aside | None = None,
        past: Past | None = None,
    ) -> None:
        self._aside = aside
        self._past = past
        self._catalog = catalog
        self._reader = Reader(catalog, contents)
        self._naming = Naming(catalog, now)

    def sessions(
        self,
        *,
        owner: str | None = None,
        uid: int | None = None,
        prefix: str = "",
        limit: int = 1000,
        sort: Sort = "age",
    ) -> SessionList:
        """Return sessions, at most `limit`."""
        # Only the catalog's own order can be cut by the catalog.
        most = limit + 1 if sort == "age" else MAX_SESSIONS
        rows = self._catalog.sessions(owner=owner, uid=uid, prefix=prefix, limit=most)
        if sort == "size":
            rows.sort(key=lambda row: -row.size_bytes)
        elif sort == "rpo":
            rows.sort(key=lambda row: row.saved_at or row.created_at)
        found = tuple(_session_document(row) for row in rows[:limit])
        return SessionList(sessions=found, truncated=len(rows) > limit)

    def log(self, session: str, wish: LogWish | None = None) -> VersionLog:
        """Return the versions of a session, newest first.

        Raises:
            NotFound: there is no such session.
            UsageError: `since` is no time, or the prefix fits several sessions.
        """
        wish = wish or LogWish()
        exact = self._naming.session(session)
        start = self._naming.moment(wish.since) if wish.since else None
        most = MAX_VERSIONS if wish.only_marked else wish.limit + 1
        found = self._catalog.versions(exact, since=start, limit=most)
        if wish.only_marked:
            marked = require_past(self._past).remarks(exact, [one.seq for one in found])
            found = [version for version in found if version.seq in marked]
        head = self._naming.head(exact)
        shown = logged(found[: wish.limit], self._past, with_counts=wish.with_counts)
        listed = VersionLog(
            session=exact,
            head_seq=head.seq if head else None,
            versions=tuple(shown),
            truncated=len(found) > wish.limit,
            epochs=self._epochs(exact) if wish.with_epochs else (),
        )
        return with_asides(listed, self._aside) if self._aside else listed

    def show(self, ref: str) -> VersionShown:
        """Return one version in full."""
        version = self._naming.version(ref)
        kept, before = self._catalog.kept(version), self._naming.before(version)
        head = self._naming.head(version.session)
        own = (place for place in kept.places.values() if place.pack == version.pack)
        key = next((place.key for place in own), None)
        old = self._catalog.tree(before) if before else {}
        (logged_version,) = logged([version], self._past)
        return VersionShown(
            version=logged_version,
            is_head=head is not None and head.seq == version.seq,
            uid=kept.root.uid,
            gid=kept.root.gid,
            mode=f"{kept.root.mode:04o}",
            pack_key=key,
            changes=compared(changes(old, kept.tree), "names", self._reader.read),
            waiting=waiting_count(self._aside, version.session),
            hook=hook_of(self._past, version.session, version.seq),
        )

    def ls(self, ref: str, path: bytes = b"") -> TreeListing:
        """Return what a version has at and below a path.

        Raises:
            NotFound: it has nothing there.
        """
        version = self._naming.version(ref)
        tree = below(self._catalog.tree(version), [path])
        if not tree and plain(path):
            raise _no_path(version, path)
        return TreeListing(
            version=version_document(version),
            path=to_text(path),
            entries=tuple(entry_document(name, tree[name]) for name in sorted(tree)),
        )

    def cat(self, ref: str, path: bytes) -> Iterator[bytes]:
        """Return the contents of a file, in pieces.

        Raises:
            NotFound: there is no such path.
            UsageError: what is there is no file.
            IntegrityError: after the last piece, if they are not what was kept.
        """
        version = self._naming.version(ref)
        entry = self._catalog.tree(version).get(plain(path))
        if entry is None:
            raise _no_path(version, path)
        if not isinstance(entry, File):
            raise UsageError(f"{for_terminal(path)} is {_what(entry)}, not a file")
        return self._reader.pieces(entry.digest)

    def find(self, glob: bytes, sessions: Sequence[str] = ()) -> Finding:
        """Return every path that ever matched, in these sessions or in all."""
        exact = [self._naming.session(text) for text in sessions]
        found = list(islice(self._catalog.find(glob, exact), MAX_MATCHES + 1))
        return Finding(
            glob=to_text(glob),
            matches=tuple(_match(match) for match in found[:MAX_MATCHES]),
            truncated=len(found) > MAX_MATCHES,
        )

    def diff(
        self,
        old: str | None,
        new: str,
        paths: Collection[bytes] = (),
        detail: Detail = "names",
    ) -> Difference:
        """Return what turns `old` into `new`; None is the version before `new`.

        Raises:
            NotFound: neither has anything at one of the paths.
        """
        after = self._naming.version(new)
        before = (
            self._naming.before(after) if old is None else self._naming.version(old)
        )
        trees = self._catalog.tree(before) if before else {}, self._catalog.tree(after)
        for path in paths:
            if plain(path) and not any(below(tree, [path]) for tree in trees):
                raise _no_path(after, path)
        found = self._changes(*(below(tree, paths) for tree in trees))
        return Difference(
            old=version_document(before) if before else None,
            new=version_document(after),
            changes=compared(found, detail, self._reader.read),
        )

    def holders(
        self, digest: Digest, viewer: Viewer, sessions: Sequence[str] = ()
    ) -> Finding:
        """Return where contents are kept, of what a viewer may see.

        In these sessions, or in all.
        """
        exact = [self._naming.session(text) for text in sessions]
        past, most = require_past(self._past), MAX_MATCHES + 1
        found = list(past.holders(digest, viewer, exact, limit=most))
        return Finding(
            glob=None,
            digest=digest.hex(),
            matches=tuple(_match(match) for match in found[:MAX_MATCHES]),
            truncated=len(found) > MAX_MATCHES,
        )

    def blame(self, ref: str, path: bytes) -> Blame:
        """Return whose each line of a file is.

        Raises:
            NotFound: there is no such path.
            UsageError: it is no file, not text, or too large.
        """
        version = self._naming.version(ref)
        blaming = Blaming(self._catalog, require_past(self._past), self._reader)
        return blaming.blame(version, plain(path))

    def _epochs(self, session: SessionId) -> tuple[EpochDocument, ...]:
        return tuple(map(epoch_document, require_past(self._past).epochs(session)))

    def _changes(self, old: Tree, new: Tree) -> list[Change]:
        """Return what differs; without what was edited as well if nobody can tell."""
        try:
            return changes(old, new, self._reader.read)
        except ExpokeepError:
            return changes(old, new)


def _no_path(version: Version, path: bytes) -> NotFound:
    error = NotFound(f"{version.session}@{version.seq} has no {for_terminal(path)}")
    error.hint = f"`expokeep ls {version.session}@{version.seq}` lists what it has."
    return error


def _what(entry: Entry) -> str:
    if isinstance(entry, Link):
        return f"a link to {for_terminal(entry.target)}"
    return "a directory"


def _match(found: Found) -> Match:
    return Match(
        session=found.session,
        epoch=found.epoch,
        first_seq=found.first_seq,
        last_seq=found.last_seq,
        entry=entry_document(found.path, found.entry),
    )


def _session_document(row: SessionRow) -> SessionDocument:
    return SessionDocument(
        session=row.session,
        owner=row.owner,
        project_name=row.project_name,
        host=row.host,
        last_seq=row.last_seq,
        head_seq=row.head_seq,
        file_count=row.file_count,
        size_bytes=row.size_bytes,
        created_at=row.created_at,
        saved_at=row.saved_at,
        accessed_at=row.accessed_at,
        parked_count=row.parked_count,
    )
