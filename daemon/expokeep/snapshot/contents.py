"""Where the contents of a snapshot come from: a session's disk, or what was taken."""

import contextlib
import os
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from io import BytesIO
from typing import BinaryIO, Protocol

from expokeep.model.digest import digest_of
from expokeep.model.tree import File
from expokeep.spool.early import Stored
from expokeep.worktree.own import open_own
from expokeep.worktree.reading import KeptChanging, again
from expokeep.worktree.root import Root
from expokeep.worktree.system import is_our_own


class Directory(Protocol):
    """What a version has to tell of the directory that it was taken of."""

    @property
    def device(self) -> int:
        """Where it is."""

    @property
    def inode(self) -> int:
        """And which one it is there."""

    @property
    def birth_ns(self) -> int:
        """When it was made, or zero."""

    @property
    def uid(self) -> int:
        """Whose it is."""

    @property
    def gid(self) -> int:
        """And of which group."""

    @property
    def mode(self) -> int:
        """Its permissions."""


class Contents(Protocol):
    """Gives the contents of files whose names and digests are known."""

    def read(self, path: bytes, entry: File) -> bytes:
        """Return the bytes of a file.

        Raises:
            KeptChanging: they are not what `entry` says.
        """

    def open(self, path: bytes) -> AbstractContextManager[BinaryIO]:
        """Hold a file of any size open for reading.

        Raises:
            KeptChanging: it is gone.
        """


@dataclass(frozen=True, slots=True)
class OnDisk:
    """The contents of a session that stands."""

    root: Root

    def read(self, path: bytes, entry: File) -> bytes:
        """Read a file once more, and prove it."""
        return again(self.root, path, entry)

    @contextlib.contextmanager
    def open(self, path: bytes) -> Iterator[BinaryIO]:
        """Open a file below the root."""
        try:
            descriptor = open_own(self.root, path)
        except OSError as error:
            if is_our_own(error):
                raise
            raise KeptChanging(path) from error
        with os.fdopen(descriptor, "rb") as file:
            yield file


@dataclass(frozen=True, slots=True)
class Early:
    """Contents that were taken before their session ended."""

    stored: Mapping[bytes, Stored]
    """Copies, by path."""
    pinned: Mapping[bytes, int]
    """Descriptors, by path."""

    def read(self, path: bytes, entry: File) -> bytes:
        """Read a copy, or what is held open, and prove it."""
        with self.open(path) as source:
            data = source.read(entry.size_bytes + 1)
        if digest_of(data) != entry.digest:
            raise KeptChanging(path)
        return data

    @contextlib.contextmanager
    def open(self, path: bytes) -> Iterator[BinaryIO]:
        """Open a copy, or what is held open."""
        if path in self.stored:
            try:
                yield BytesIO(self.stored[path].read())
            except OSError as error:
                raise KeptChanging(path) from error
            return
        # The same file from its start, on an offset that nobody else moves.
        with os.fdopen(os.dup(self.pinned[path]), "rb") as file:
            file.seek(0)
            yield file
