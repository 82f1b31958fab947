"""Looks for contents that the bucket has lost: who else holds them?

The spool of this host, the directories of sessions on it, and other packs. Nothing is
believed: what comes back has the digest that was asked for.
"""

import contextlib
import hashlib
import os
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from expokeep.catalog.evidence import Named
from expokeep.catalog.values import Place
from expokeep.check.object_reader import Gets
from expokeep.check.ports import Ledger, Mender
from expokeep.check.reading import manifest_of, places_in
from expokeep.errors import ExpokeepError, IntegrityError, NoSpace
from expokeep.model.digest import Digest
from expokeep.model.names import SessionId
from expokeep.pack.format import BlobSpan
from expokeep.pack.reader import PackFile, stream_blob
from expokeep.spool.spool import Spool
from expokeep.store.base import Store
from expokeep.worktree.own import open_own
from expokeep.worktree.root import opened

_CHUNK_BYTES = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Copy:
    """Contents that were found, in a file of their own, and how they are called."""

    named: Named
    file: Path
    where: str
    """Who had them, in words."""


@dataclass(frozen=True, slots=True)
class Copies:
    """All who may hold a copy."""

    ledger: Ledger
    mender: Mender
    store: Store
    spool: Spool | None
    """None where a daemon has it."""
    homes: Callable[[SessionId], Collection[Path]]
    """Directories of a session on this host."""

    def find(self, digests: Collection[Digest], scratch: Path) -> Iterator[Copy]:
        """Yield each of these contents that anybody holds, once."""
        left = set(digests)
        names = defaultdict[Digest, list[Named]](list)
        for named in self.mender.names(left):
            names[named.digest].append(named)
        # Nobody names it: then nobody misses it.
        left &= names.keys()
        for look in (self._in_spool, self._in_directories, self._in_packs):
            for copy in look({digest: names[digest] for digest in left}, scratch):
                left.discard(copy.named.digest)
                yield copy

    def _in_spool(
        self, names: Mapping[Digest, Sequence[Named]], scratch: Path
    ) -> Iterator[Copy]:
        if self.spool is None:
            return
        left = dict(names)
        for session in self.spool.sessions():
            for entry in self.spool.pending(session):
                for pack in entry.note.packs:
                    path = entry.path_of(pack)
                    for digest in _from_file(path, list(left), scratch):
                        named = left.pop(digest)[0]
                        into = scratch / digest.hex()
                        yield Copy(named, into, "the spool of this host")

    def _in_directories(
        self, names: Mapping[Digest, Sequence[Named]], scratch: Path
    ) -> Iterator[Copy]:
        for digest, all_named in names.items():
            into = scratch / digest.hex()
            for named in all_named:
                found = (
                    home
                    for home in self.homes(named.session)
                    if is_in(home, named, into)
                )
                if (home := next(found, None)) is not None:
                    yield Copy(named, into, os.fspath(home))
                    break

    def _in_packs(
        self, names: Mapping[Digest, Sequence[Named]], scratch: Path
    ) -> Iterator[Copy]:
        """Look into the packs of the sessions that name it: contents may be twice."""
        sessions = {named.session for many in names.values() for named in many}
        left = dict(names)
        for session in sorted(sessions):
            for pack in self.ledger.packs_of(session):
                if not left:
                    return
                manifest = manifest_of(self.store, pack) if pack.is_readable else None
                if manifest is None:
                    continue
                for place in places_in(manifest, pack.key):
                    into = scratch / place.digest.hex()
                    if place.digest in left and self._fetched(place, into):
                        yield Copy(left.pop(place.digest)[0], into, f"{pack.key}")

    def _fetched(self, place: Place, into: Path) -> bool:
        return taken(fetched(self.store, place), place.digest, into)


def fetched(store: Gets, place: Place) -> Iterator[bytes]:
    """Yield contents from their place in the bucket, in bounded memory.

    Raises:
        IntegrityError: they are not there; at the latest after the last piece.
    """

    def chunks() -> Iterator[bytes]:
        end = place.frame_offset + place.frame_length
        for start in range(place.frame_offset, end, _CHUNK_BYTES):
            yield store.get(place.key, start, min(_CHUNK_BYTES, end - start))

    return stream_blob(
        chunks(), BlobSpan(place.digest, 0, place.offset, place.size_bytes)
    )


def _from_file(
    path: Path, digests: Iterable[Digest], scratch: Path
) -> Iterator[Digest]:
    """Take contents from a pack on our own disk; yield those that were good."""
    try:
        with PackFile(path) as file:
            for digest in filter(file.holds, digests):
                if taken(file.stream(digest), digest, scratch / digest.hex()):
                    yield digest
    except NoSpace:
        raise
    except (ExpokeepError, OSError):
        return  # shipped meanwhile, or damaged


def taken(pieces: Iterable[bytes], digest: Digest, into: Path) -> bool:
    """Write contents to a file; return whether they are what they should be.

    Raises:
        NoSpace: they cannot be written; that says nothing about them.
    """
    hasher = hashlib.sha256()
    try:
        with _written(into) as write:
            for piece in pieces:
                hasher.update(piece)
                write(piece)
    except IntegrityError:
        return False
    return hasher.digest() == digest


@contextlib.contextmanager
def _written(into: Path) -> Iterator[Callable[[bytes], None]]:
    """Give what writes to a file, with errors that are not those of a reader."""

    def write(piece: bytes) -> None:
        try:
            file.write(piece)
        except OSError as error:
            raise NoSpace(f"cannot write to {into.parent}: {error}") from error

    try:
        file = into.open("wb", buffering=0)
    except OSError as error:
        raise NoSpace(f"cannot write to {into.parent}: {error}") from error
    with file:
        yield write


def is_in(home: Path, named: Named, into: Path) -> bool:
    """Return whether a directory still has a file as it was; then it was copied."""
    try:
        with opened(home) as root:
            descriptor = open_own(root, named.path)
            with os.fdopen(descriptor, "rb") as file:
                if os.fstat(descriptor).st_size != named.size_bytes:
                    return False
                pieces = iter(lambda: file.read(_CHUNK_BYTES), b"")
                return taken(pieces, named.digest, into)
    except NoSpace:
        raise
    except (ExpokeepError, OSError):
        return False
