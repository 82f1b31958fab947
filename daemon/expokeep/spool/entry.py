"""What an entry of the spool is: the packs of a snapshot, and a note beside them.

The note is `entry.json` beside the packs. Fields are only ever added: what a former
release sealed is still read.
"""

import datetime
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import msgspec

from expokeep.errors import ExpokeepError
from expokeep.model.digest import Digest
from expokeep.model.names import SessionId
from expokeep.model.version import Origin, Trigger

PackKind = Literal["base", "incr", "merge", "big"]

FORMAT = 1
OVERHEAD_BYTES = 8192
"""Of the disk, for each entry beside its packs."""
_BLOCK_BYTES = 4096
NOTE_FILE = "entry.json"


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
    fence: int | None = None
    """Of the session, as far as it was known here when this was sealed."""
    is_holder: bool = True
    """Whether this host held the session then."""
    described: tuple[tuple[Digest, bytes], ...] = ()
    """What an app.json or a package.json says that is new, by its digest."""
    folds: tuple[uuid.UUID, ...] = ()
    """The entries that this one was made of, and that it takes the place of."""
    since: datetime.datetime | None = None
    """When the oldest of those was taken; None if this is a snapshot as it was."""
    is_fork: bool = False
    """Made of what is kept already, and of no directory: it holds no contents, and who
    waits for it must hear whether it became a version."""
    is_first: bool = False
    """It begins a session, or is nothing."""
    origin: Origin | None = None
    """Where what it has came from, if not from a directory."""

    @property
    def waits_since(self) -> datetime.datetime:
        """Since when something of it is no version yet."""
        return self.since or self.taken_at


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

    @property
    def disk_bytes(self) -> int:
        """How much of the disk it takes: whole blocks, its directory and its note."""
        blocks = sum(-(-pack.size_bytes // _BLOCK_BYTES) for pack in self.note.packs)
        return OVERHEAD_BYTES + blocks * _BLOCK_BYTES

    @property
    def fold(self) -> int:
        """How often what it tells was folded; 0 for a snapshot as it was sealed."""
        return int(self.directory.name.partition(".")[2] or 0)

    def replaces(self, other: "SpoolEntry") -> bool:
        """Return whether `other` was folded into this one."""
        if other.pack not in self.note.folds:
            return False
        return other.pack != self.pack or other.fold < self.fold


@dataclass(frozen=True, slots=True)
class Backlog:
    """How much waits in the spool."""

    entries: int
    size_bytes: int
    oldest_at: datetime.datetime | None
    disk_bytes: int = 0
    """What all of it takes of the disk."""
    folds: int = 0
    """Entries that tell of more states than one."""


def entry_name(number: int, pack: uuid.UUID, fold: int = 0) -> str:
    """Return the name of an entry's directory: in order of its recording.

    >>> entry_name(7, uuid.UUID(int=1), fold=2)
    '0000000007-00000000-0000-0000-0000-000000000001.2'
    """
    return f"{number:010d}-{pack}" + (f".{fold}" if fold else "")


def encode_note(note: Note) -> bytes:
    """Return a note as it is on disk."""
    return msgspec.json.encode(_Stored(FORMAT, note))


def read_entry(directory: Path) -> SpoolEntry:
    """Return an entry that is on disk, if all of it is there.

    Raises:
        SpoolDamaged: it is not.
    """
    entry = SpoolEntry(directory, *read_note(directory))
    for pack in entry.note.packs:
        path = entry.path_of(pack)
        if not path.is_file() or path.stat().st_size != pack.size_bytes:
            raise SpoolDamaged(f"{path} is not {pack.size_bytes} bytes long")
    return entry


def read_note(directory: Path) -> tuple[int, Note]:
    """Return the number and the note of an entry, whatever is with its packs.

    Raises:
        SpoolDamaged: there is none that can be read.
    """
    try:
        number = int(directory.name.partition("-")[0])
        encoded = (directory / NOTE_FILE).read_bytes()
        return number, msgspec.json.decode(encoded, type=_Stored).note
    except (OSError, ValueError, msgspec.MsgspecError) as error:
        raise SpoolDamaged(f"{directory}: {error}") from error


class _Stored(msgspec.Struct):
    format: int
    note: Note
