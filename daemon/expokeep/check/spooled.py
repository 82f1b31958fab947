"""Mends the spool: what is safe on this host, not yet a version, and damaged on disk.

A pack is had back from the bucket if it went there before, or made anew of what is good
in it and of what directories still hold. What cannot be mended is moved aside, whole,
for somebody to look at: it is the only copy there is.
"""

import contextlib
import hashlib
import os
import tempfile
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from expokeep.catalog.evidence import Named, PackRow
from expokeep.check.copies import Copy, fetched, is_in, taken
from expokeep.check.mending import Repaired, Step
from expokeep.check.packer import add
from expokeep.check.reading import Report, places_in, read_pack
from expokeep.errors import ExpokeepError, IntegrityError, NoSpace
from expokeep.model.digest import Digest
from expokeep.model.names import SessionId
from expokeep.model.tree import files_in
from expokeep.pack.format import Manifest
from expokeep.pack.writer import FinishedPack, PackWriter
from expokeep.spool.entry import (
    NOTE_FILE,
    Note,
    SpoolDamaged,
    SpooledPack,
    encode_note,
    read_note,
)
from expokeep.spool.spool import Spool, SpoolEntry
from expokeep.store.base import Store

ASIDE = ".damaged"
"""Beside the sessions of a spool; no session has such a name."""
WHY_FILE = "WHY.txt"
ZSTD_LEVEL = 6
_CHUNK_BYTES = 1024 * 1024


class Unmendable(ExpokeepError):
    """Something of an entry is nowhere any more."""

    hint = "`expokeep repair spool` moves it aside, whole; nothing else is held up."


@dataclass(frozen=True, slots=True)
class SpoolRepairer:
    """Mends the spool of a running daemon."""

    spool: Spool
    store: Store
    homes: Callable[[SessionId], Collection[Path]]
    """Directories of a session on this host."""

    def repair(self, *, dry_run: bool) -> Iterator[Step | Repaired]:
        """Look at every entry; yield what is done about those that are damaged.

        Raises:
            NoSpace: there is no room to mend in.
            BackendUnreachable: nobody can tell whether a pack is in the bucket.
        """
        steps = 0
        for step in self._steps(dry_run=dry_run):
            steps += 1
            yield step
        yield Repaired("spool", dry_run, steps, {})

    def _steps(self, *, dry_run: bool) -> Iterator[Step]:
        for directory in list(self.spool.damaged):
            yield self._mended(directory, dry_run=dry_run)
        for session in self.spool.sessions():
            for entry in self.spool.pending(session):
                with self.spool.held([entry]) as ours:
                    if ours and not all(map(is_whole, _files(entry), entry.note.packs)):
                        yield self._mended(entry.directory, dry_run=dry_run)

    def _mended(self, directory: Path, *, dry_run: bool) -> Step:
        name, session = os.fspath(directory), SessionId(directory.parent.name)
        try:
            with _drafts(directory) as drafts:
                entry = SpoolEntry(directory, *read_note(directory))
                mending = _Mending(self, entry, drafts)
                note = mending.note()
                if not dry_run:
                    mending.put(note)
                    self.spool.settle(directory, replace(entry, note=note))
        except (SpoolDamaged, Unmendable) as error:
            where = directory if dry_run else self._aside(directory, str(error))
            return Step("aside", f"{error}; it is kept in {where}", name, session)
        return Step("spool", "; ".join(mending.said), name, session)

    def _aside(self, directory: Path, why: str) -> Path:
        """Move an entry out of the way, with a note; nobody takes it for one there."""
        place = (
            directory.parents[1] / ASIDE / f"{directory.parent.name}-{directory.name}"
        )
        place.parent.mkdir(mode=0o700, exist_ok=True)
        directory.rename(place)
        (place / WHY_FILE).write_text(f"{why}\n")
        self.spool.settle(directory, None)
        return place


class _Mending:
    """One entry, while it is mended. What is made lies in `drafts` until the end."""

    def __init__(self, tools: SpoolRepairer, entry: SpoolEntry, drafts: Path) -> None:
        self._tools = tools
        self._entry = entry
        self._drafts = drafts
        self._made: dict[Path, Path] = {}
        self.said: list[str] = []
        """What is done, in words."""

    def note(self) -> Note:
        """Return the note of the entry once it is mended.

        Raises:
            Unmendable: something of it is nowhere any more.
        """
        note = self._entry.note
        return replace(note, packs=tuple(self._pack(pack) for pack in note.packs))

    def put(self, note: Note) -> None:
        """Put what was made in its place, the note last."""
        for made, place in self._made.items():
            made.replace(place)
        fresh = self._drafts / NOTE_FILE
        with fresh.open("wb") as out:
            out.write(encode_note(note))
            out.flush()
            os.fsync(out.fileno())
        fresh.replace(self._entry.directory / NOTE_FILE)
        descriptor = os.open(self._entry.directory, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def _pack(self, pack: SpooledPack) -> SpooledPack:
        path = self._entry.path_of(pack)
        if is_whole(path, pack):
            return pack
        if self._is_had_back(pack):
            self.said.append(f"{pack.file_name} had back from the bucket")
            return pack
        with tempfile.TemporaryDirectory(dir=self._drafts) as scratch:
            finished = self._rebuilt(pack, Path(scratch))
            made = self._drafts / pack.file_name
            finished.path.replace(made)
        self._made[made] = path
        self.said.append(f"{pack.file_name} made anew")
        sha256 = Digest(finished.sha256)
        return replace(pack, size_bytes=finished.size_bytes, sha256=sha256)

    def _is_had_back(self, pack: SpooledPack) -> bool:
        """Return whether the bucket has it: the upload was over, the commit not."""
        found = self._tools.store.head(pack.key)
        if found is None:
            return False
        made = self._drafts / pack.file_name
        chunks = (
            self._tools.store.get(
                pack.key, start, min(_CHUNK_BYTES, pack.size_bytes - start)
            )
            for start in range(0, pack.size_bytes, _CHUNK_BYTES)
        )
        if found.size_bytes != pack.size_bytes or not taken(chunks, pack.sha256, made):
            raise Unmendable(f"another object is at {pack.key} already")
        self._made[made] = self._entry.path_of(pack)
        return True

    def _rebuilt(self, pack: SpooledPack, scratch: Path) -> FinishedPack:
        report = self._read(pack)
        manifest = report.manifest
        if manifest is None:
            raise Unmendable(f"{pack.file_name} cannot say any more what it holds")
        copies = list(self._copies(manifest, report, scratch))
        lost = len(manifest.blobs) - len(copies)
        if lost:
            raise Unmendable(
                f"{lost} contents of {pack.file_name} are nowhere any more"
            )
        with PackWriter(scratch, ZSTD_LEVEL) as writer:
            for copy in copies:
                add(writer, copy)
            return writer.finish(replace(manifest, frames=(), blobs=()), fsync=True)

    def _copies(
        self, manifest: Manifest, report: Report, scratch: Path
    ) -> Iterator[Copy]:
        """Yield the contents of a pack that somebody still holds."""
        names = self._names()
        for place in places_in(manifest, report.pack.key):
            named = names.get(place.digest)
            if named is None:
                continue
            into = scratch / place.digest.hex()
            if place.digest in report.good and taken(
                fetched(_Files(), place), place.digest, into
            ):
                yield Copy(named, into, place.key)
            elif any(
                is_in(home, named, into) for home in self._tools.homes(named.session)
            ):
                yield Copy(named, into, "a directory")

    def _names(self) -> dict[Digest, Named]:
        """Return what the contents are called, as the entry's own pack tells."""
        own, session = self._entry.note.packs[0], self._entry.note.session
        manifest = self._read(own).manifest
        return {
            file.digest: Named(
                file.digest, file.size_bytes, session, path, file.mode, file.mtime_ns
            )
            for snap in (manifest.snaps if manifest else ())
            for path, file in files_in(snap.delta.set)
        }

    def _read(self, pack: SpooledPack) -> Report:
        path = self._entry.path_of(pack)
        try:
            size_bytes = path.stat().st_size
        except OSError:
            size_bytes = 0
        row = PackRow(
            id=pack.id,
            key=os.fspath(path),
            session=self._entry.note.session,
            kind=pack.kind,
            level=pack.level,
            size_bytes=size_bytes,
            state="uploading",
            age_s=0.0,
            is_named=True,
            is_counted_on=True,
            tells=True,
            is_doubted=False,
        )
        return read_pack(_Files(), row, size_bytes, ())


class _Files:
    """Our own disk, read as a bucket is; a key is a path."""

    def get(self, key: str, start: int, length: int) -> bytes:
        """Return exactly so many bytes of a file.

        Raises:
            IntegrityError: it ends before, or cannot be read.
        """
        try:
            with Path(key).open("rb") as file:
                data = os.pread(file.fileno(), length, start)
        except OSError as error:
            raise IntegrityError(f"{key}: {error}") from error
        if len(data) != length:
            raise IntegrityError(f"{key} ends before byte {start + length}")
        return data


def is_whole(path: Path, pack: SpooledPack) -> bool:
    """Return whether a file is the pack that was sealed."""
    try:
        with path.open("rb") as file:
            found = hashlib.file_digest(file, "sha256").digest()
    except OSError:
        return False
    return found == pack.sha256


def _files(entry: SpoolEntry) -> Iterator[Path]:
    return (entry.path_of(pack) for pack in entry.note.packs)


@contextlib.contextmanager
def _drafts(directory: Path) -> Iterator[Path]:
    """Give a place for drafts on the disk of an entry; gone in the end.

    Raises:
        NoSpace: it has no room, or cannot be written.
    """
    try:
        with tempfile.TemporaryDirectory(dir=directory, prefix=".mending-") as name:
            yield Path(name)
    except OSError as error:
        raise NoSpace(f"cannot mend {directory}: {error}") from error
