"""The spool: a snapshot that is in here is not lost, whatever happens to the network.

One directory per entry, `<session>/<number>-<pack>`, built under a name that a restart
throws away and renamed to its own only when every byte is on disk. The numbers give the
order in which a session's entries must be recorded. Who drops an entry has recorded it.
"""

import contextlib
import datetime
import errno
import os
import shutil
import threading
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import msgspec

from expokeep.errors import ExpokeepError, NoSpace
from expokeep.log import get
from expokeep.model.digest import Digest
from expokeep.model.names import SessionId
from expokeep.model.version import Trigger

log = get(__name__)

PackKind = Literal["base", "incr", "merge", "big"]

FORMAT = 1
_DRAFT = "draft-"
_NOTE = "entry.json"
_FULL = (errno.ENOSPC, errno.EDQUOT)


class SpoolDamaged(ExpokeepError):
    """An entry of the spool cannot be read."""

    exit_code = 15
    hint = "It was left where it is, so that it can be looked at."


@dataclass(frozen=True, slots=True)
class SpooledPack:
    """A pack file of an entry, and the object that it is to become."""

    id: uuid.UUID
    file_name: str
    key: str
    kind: PackKind
    level: int
    size_bytes: int
    sha256: Digest


@dataclass(frozen=True, slots=True)
class Note:
    """What a pack does not say about the snapshot that it is of."""

    session: SessionId
    device: int
    inode: int
    birth_ns: int
    root_uid: int
    root_gid: int
    root_mode: int
    parent_pack: uuid.UUID | None
    taken_at: datetime.datetime
    trigger: Trigger
    packs: tuple[SpooledPack, ...]
    """The snapshot's own pack first."""
    reused: tuple[Digest, ...]
    """Contents that it names and that were known to be kept elsewhere."""
    message: str | None = None
    author: str | None = None
    owner: str | None = None
    project_name: str | None = None
    is_whole: bool = True
    is_edited: bool = True
    """What the rule about heads asks, once the catalog can be asked for the rest."""
    loss: str | None = None
    """How much it lost of the version before it, if that is suspicious."""
    is_forced: bool = False
    retracts: tuple[uuid.UUID, ...] = ()
    """Packs of versions that recorded deletions which were the start of a removal."""


@dataclass(frozen=True, slots=True)
class SpoolEntry:
    """A snapshot that is safe on local disk."""

    directory: Path
    number: int
    note: Note

    @property
    def pack(self) -> uuid.UUID:
        """The id of its own pack."""
        return self.note.packs[0].id

    def path_of(self, pack: SpooledPack) -> Path:
        """Return the file of one of its packs."""
        return self.directory / pack.file_name


@dataclass(frozen=True, slots=True)
class Backlog:
    """How much waits in the spool."""

    entries: int
    size_bytes: int
    oldest_at: datetime.datetime | None


class Spool:
    """All entries of one state directory. Safe to use from several threads."""

    def __init__(self, path: Path, *, fsync: bool = True) -> None:
        self._path = path
        self._fsync = fsync
        self._lock = threading.Lock()
        self._entries: dict[SessionId, list[SpoolEntry]] = {}
        self.damaged: list[Path] = []
        """Entries that could not be read, and were left where they are."""

    def open(self) -> None:
        """Read what a former process left, and throw away what it had not finished."""
        self._path.mkdir(mode=0o700, parents=True, exist_ok=True)
        for directory in sorted(self._path.glob("*/*")):
            if directory.name.startswith(_DRAFT):
                shutil.rmtree(directory)
                continue
            try:
                entry = _read(directory)
            except SpoolDamaged as error:
                reason = str(error)  # a bare file name or a JSON fault, no traceback
                log.error("spool entry damaged", reason=reason)  # noqa: TRY400
                self.damaged.append(directory)
                continue
            self._entries.setdefault(entry.note.session, []).append(entry)

    @contextlib.contextmanager
    def draft(self, session: SessionId, pack: uuid.UUID) -> Iterator[Path]:
        """Give a directory to build an entry in; what is not sealed is removed.

        Raises:
            NoSpace: the disk is full.
        """
        draft = self._path / session / f"{_DRAFT}{pack}"
        try:
            self._make_place(draft.parent)
            draft.mkdir(mode=0o700)
            yield draft
        except OSError as error:
            if error.errno in _FULL:
                raise NoSpace(f"the spool is full: {error}") from error
            raise
        finally:
            shutil.rmtree(draft, ignore_errors=True)

    def _make_place(self, place: Path) -> None:
        """Make the directory of a session, so that a loss of power leaves it there."""
        with contextlib.suppress(FileExistsError):
            place.mkdir(mode=0o700)
            if self._fsync:
                _sync_directory(self._path)

    def seal(self, draft: Path, note: Note) -> SpoolEntry:
        """Make a draft an entry. The pack files in it are on disk already."""
        with (draft / _NOTE).open("wb") as out:
            out.write(msgspec.json.encode(_Stored(FORMAT, note)))
            out.flush()
            if self._fsync:
                os.fsync(out.fileno())
        with self._lock:
            siblings = self._entries.setdefault(note.session, [])
            number = siblings[-1].number + 1 if siblings else 1
            place = draft.with_name(f"{number:010d}-{note.packs[0].id}")
            if self._fsync:
                _sync_directory(draft)
            draft.rename(place)
            if self._fsync:
                _sync_directory(place.parent)
            entry = SpoolEntry(place, number, note)
            siblings.append(entry)
        return entry

    def drop(self, entry: SpoolEntry) -> None:
        """Remove an entry that has been recorded."""
        with self._lock:
            siblings = self._entries[entry.note.session]
            siblings.remove(entry)
            if not siblings:
                del self._entries[entry.note.session]
        # Renamed first: killed in the middle, a restart must not find half an entry.
        remains = entry.directory.with_name(f"{_DRAFT}{entry.pack}")
        entry.directory.rename(remains)
        shutil.rmtree(remains)

    def pending(self, session: SessionId) -> list[SpoolEntry]:
        """Return what waits for a session, in the order of its recording."""
        with self._lock:
            return list(self._entries.get(session, ()))

    def sessions(self) -> list[SessionId]:
        """Return the sessions for which something waits."""
        with self._lock:
            return list(self._entries)

    def backlog(self, session: SessionId | None = None) -> Backlog:
        """Return how much waits, for one session or for all."""
        with self._lock:
            entries = [
                entry
                for sid, siblings in self._entries.items()
                if session in (None, sid)
                for entry in siblings
            ]
        return Backlog(
            entries=len(entries),
            size_bytes=sum(p.size_bytes for e in entries for p in e.note.packs),
            oldest_at=min((e.note.taken_at for e in entries), default=None),
        )


def _read(directory: Path) -> SpoolEntry:
    try:
        number = int(directory.name.partition("-")[0])
        encoded = (directory / _NOTE).read_bytes()
        stored = msgspec.json.decode(encoded, type=_Stored)
    except (OSError, ValueError, msgspec.MsgspecError) as error:
        raise SpoolDamaged(f"{directory}: {error}") from error
    for pack in stored.note.packs:
        path = directory / pack.file_name
        if not path.is_file() or path.stat().st_size != pack.size_bytes:
            raise SpoolDamaged(f"{path} is not {pack.size_bytes} bytes long")
    return SpoolEntry(directory, number, stored.note)


class _Stored(msgspec.Struct):
    format: int
    note: Note


def _sync_directory(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
