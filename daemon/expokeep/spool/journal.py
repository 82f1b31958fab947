"""Early journals: what was taken of a project before it had settled, on our own disk.

One directory for each life of a session's directory, and in it append-only files, read
in the order of their numbers. Each snapshot begins a file when it begins to look; once
it has kept what it saw, the older ones are not needed any more.

Without fsync a record survives a kill, because the kernel has it, and no loss of power.
"""

import contextlib
import errno
import os
import shutil
import uuid
from collections.abc import Sequence
from pathlib import Path

from expokeep.errors import NoSpace
from expokeep.log import get
from expokeep.spool.early import (
    FORMAT,
    Begun,
    Life,
    Reading,
    Record,
    Scanned,
    Stored,
    reading_of,
    records_in,
    written,
)

log = get(__name__)

DIRECTORY = ".early"
"""In the spool, where no session's name begins with a dot."""
_SUFFIX = ".early"
_FULL = (errno.ENOSPC, errno.EDQUOT)


class Journal:
    """The journal of one life. Not for several threads at once.

    A file begins with its first record: where nothing happens, there is none.
    """

    def __init__(self, directory: Path, life: Life, *, fsync: bool) -> None:
        self.life = life
        self._directory = directory
        self._fsync = fsync
        self._fd = -1
        self._sizes = _sizes(directory)
        # Never into the file of a former process: it may end in half a record.
        self._number = max(self._sizes, default=-1) + 2

    def __bool__(self) -> bool:
        return bool(self._sizes)

    @property
    def size_bytes(self) -> int:
        """How much disk it takes."""
        return sum(self._sizes.values())

    @property
    def number(self) -> int:
        """Of the file that is written now, or would be."""
        return self._number

    def append(self, record: Record, data: bytes = b"") -> Stored:
        """Add a record.

        Raises:
            NoSpace, OSError: nothing was added.
        """
        if self._fd < 0:
            self._fd = self._begun(self._number, Begun(FORMAT, "start", b"", self.life))
        is_mark = self._is_fresh and isinstance(record, Scanned)
        stored = self._write(self._fd, self._number, record, data)
        if is_mark:
            self._fresh_bytes = self._sizes[self._number]
        return stored

    def rotate(self, base: uuid.UUID | None) -> int:
        """Begin the next file, and return its number.

        The number before it stays free for what is carried over.

        Raises:
            NoSpace, OSError: as for `append`.
        """
        self._close()
        self._number += 2
        if self._sizes:
            # Also if nothing follows: it says which of the older ones still count.
            begun = Begun(FORMAT, "snapshot", _bytes(base), self.life)
            self._fd = self._begun(self._number, begun)
        return self._number

    def replace(
        self,
        before: int,
        base: uuid.UUID | None,
        records: Sequence[tuple[Record, bytes]],
    ) -> list[Stored]:
        """Keep only these records of what is older than a file.

        `base` is the version that knows all the others.

        Raises:
            NoSpace, OSError: the older files are still there.
        """
        number, stored = before - 1, []
        if records:
            begun = Begun(FORMAT, "carry", _bytes(base), self.life)
            fd = self._begun(number, begun)
            try:
                for record, data in records:
                    stored.append(self._write(fd, number, record, data))
            except BaseException:
                self._remove(number)
                raise
            finally:
                os.close(fd)
        for old in [old for old in self._sizes if old < number]:
            self._remove(old)
        if list(self._sizes) == [self._number] and self._is_fresh:
            self._close()
            self._remove(self._number)
        return stored

    def read(self, newest: uuid.UUID | None) -> Reading:
        """Return all that is in it, given the newest version of this life.

        Raises:
            OSError: a file cannot be read.
        """
        parts = [list(records_in(self._path(number))) for number in sorted(self._sizes)]
        return reading_of(parts, _bytes(newest))

    def remove(self) -> None:
        """Forget all of it."""
        self._close()
        self._sizes.clear()
        shutil.rmtree(self._directory, ignore_errors=True)
        with contextlib.suppress(OSError):
            self._directory.parent.rmdir()

    def close(self) -> None:
        """Let go of the file that is written."""
        self._close()

    def _begun(self, number: int, begun: Begun) -> int:
        path = self._path(number)
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND | os.O_CLOEXEC
        try:
            self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            fd = os.open(path, flags, 0o600)
        except OSError as error:
            raise _named(error) from error
        self._sizes[number] = 0
        try:
            self._write(fd, number, begun, b"")
        except BaseException:
            os.close(fd)
            self._remove(number)
            raise
        self._fresh_bytes = self._sizes[number]
        return fd

    @property
    def _is_fresh(self) -> bool:
        """Whether the file that is written says nothing yet."""
        return self._fd >= 0 and self._sizes[self._number] == self._fresh_bytes

    def _write(self, fd: int, number: int, record: Record, data: bytes) -> Stored:
        start = self._sizes[number]
        try:
            stored = written(fd, self._path(number), start, record, data)
            if self._fsync:
                os.fdatasync(fd)
        except OSError as error:
            # The next record must not stand behind half a record.
            with contextlib.suppress(OSError):
                os.ftruncate(fd, start)
            raise _named(error) from error
        self._sizes[number] = stored.offset + stored.size_bytes
        return stored

    def _remove(self, number: int) -> None:
        self._sizes.pop(number, None)
        self._path(number).unlink(missing_ok=True)

    def _path(self, number: int) -> Path:
        return self._directory / f"{number:010d}{_SUFFIX}"

    def _close(self) -> None:
        if self._fd >= 0:
            fd, self._fd = self._fd, -1  # even if it fails, the number is not ours
            os.close(fd)


class Journals:
    """All early journals of a spool."""

    def __init__(self, spool: Path, *, fsync: bool) -> None:
        self._top = spool / DIRECTORY
        self._fsync = fsync

    def of(self, life: Life) -> Journal:
        """Return the journal of a life, with what a former process left in it."""
        name = f"{life.device:x}-{life.inode:x}-{life.birth_ns:x}"
        return Journal(self._top / life.session / name, life, fsync=self._fsync)

    def left(self) -> list[Life]:
        """Return the lives of which there is something; what is damaged is left out."""
        found: list[Life] = []
        for directory in sorted(self._top.glob("*/*")):
            life = _life_in(directory)
            if life is not None:
                found.append(life)
            elif any(_sizes(directory).values()):
                log.warning("early journal cannot be read", directory=str(directory))
        return found


def _life_in(directory: Path) -> Life | None:
    for number in sorted(_sizes(directory)):
        with contextlib.suppress(OSError):
            path = directory / f"{number:010d}{_SUFFIX}"
            first = next(records_in(path), None)
            if first is not None and isinstance(first.record, Begun):
                return first.record.life
    return None


def _sizes(directory: Path) -> dict[int, int]:
    return {
        int(path.stem): path.stat().st_size
        for path in directory.glob(f"*{_SUFFIX}")
        if path.stem.isdigit()
    }


def _bytes(pack: uuid.UUID | None) -> bytes:
    return pack.bytes if pack else b""


def _named(error: OSError) -> Exception:
    if error.errno in _FULL:
        return NoSpace(f"no room for an early copy: {error}")
    return error
