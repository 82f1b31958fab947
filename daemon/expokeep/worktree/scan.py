"""What is on disk: every name below a root with its `lstat`, without reading contents.

A scan is the truth that events only hint at. It decides nothing: it tells which files
look as they did, which must be read, and what was left out and why.
"""

import contextlib
import os
import stat
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from expokeep.model.ignore import Rules
from expokeep.model.names import MAX_PATH_BYTES
from expokeep.model.tree import PERMISSIONS, Directory, Entry, File, Link
from expokeep.worktree.index import Known, Signature
from expokeep.worktree.root import DIRECTORY, Root
from expokeep.worktree.system import details, is_our_own

MAX_DEPTH = 128
"""Directories inside each other; below that is reported and left out."""
MAX_ENTRIES = 1_000_000
MAX_TIME_NS = 2**63 - 1

Reason = Literal[
    "unreadable",
    "too deep",
    "too many",
    "too big",
    "not a file",
    "other mount",
    "hard link to a file of another user",
    "kept changing",
    "build too big",
]


@dataclass(frozen=True, slots=True)
class Suspect:
    """A regular file that does not look as it did, or was too young to tell."""

    path: bytes
    signature: Signature
    mode: int
    mtime_ns: int


@dataclass(slots=True)
class Survey:
    """What a scan found."""

    entries: dict[bytes, Entry] = field(default_factory=dict)
    """Links, directories, and files that look as they did when they were last read."""
    suspects: list[Suspect] = field(default_factory=list)
    skipped: dict[bytes, Reason] = field(default_factory=dict)
    """What is there and was not taken. It says nothing about what was kept before."""
    excluded_count: int = 0


@dataclass(frozen=True, slots=True)
class Limits:
    """What a scan does not take."""

    max_file_bytes: int


def survey(
    root: Root,
    excludes: Callable[[bytes, bool], bool],
    known: Mapping[bytes, Known],
    limits: Limits,
) -> Survey:
    """Scan what is below `root`.

    Args:
        root: an open session directory.
        excludes: whether a path is left out, given whether it is a directory.
        known: the files as they were last read.
        limits: what is too much.
    """
    walk = _Walk(root, excludes, known, limits)
    walk.directory(root.descriptor, b"", depth=0)
    return walk.found


def excluding(rules: Rules) -> Callable[[bytes, bool], bool]:
    """Return `rules` in the form that a scan asks for."""
    return lambda path, is_directory: rules.excludes(path, is_directory=is_directory)


class _Walk:
    """One scan under way."""

    def __init__(
        self,
        root: Root,
        excludes: Callable[[bytes, bool], bool],
        known: Mapping[bytes, Known],
        limits: Limits,
    ) -> None:
        self._root = root
        self._excludes = excludes
        self._known = known
        self._limits = limits
        self.found = Survey()
        self._count = 0

    def directory(self, descriptor: int, above: bytes, *, depth: int) -> None:
        """Take every name of one directory."""
        try:
            listing = _listing(descriptor)
        except OSError as error:
            if not above or is_our_own(error):
                raise
            self.found.skipped[above] = "unreadable"
            return
        for name, found in listing:
            path = above + b"/" + name if above else name
            self._count += 1
            is_directory = stat.S_ISDIR(found.st_mode)
            if self._count > MAX_ENTRIES or len(path) > MAX_PATH_BYTES:
                self.found.skipped[path] = "too many"
            elif self._excludes(path, is_directory):
                self.found.excluded_count += 1
            elif is_directory:
                self._enter(descriptor, name, path, depth)
            else:
                self._leaf(descriptor, name, path, found)

    def _leaf(
        self, parent: int, name: bytes, path: bytes, found: os.stat_result
    ) -> None:
        if stat.S_ISREG(found.st_mode):
            self._file(path, found)
        elif stat.S_ISLNK(found.st_mode):
            self._link(parent, name, path, found)
        else:
            self.found.skipped[path] = "not a file"

    def _enter(self, parent: int, name: bytes, path: bytes, depth: int) -> None:
        if depth >= MAX_DEPTH:
            self.found.skipped[path] = "too deep"
            return
        try:
            descriptor = os.open(name, DIRECTORY, dir_fd=parent)
        except FileNotFoundError:
            return
        except OSError as error:
            if is_our_own(error):
                raise
            self.found.skipped[path] = "unreadable"
            return
        try:
            found = os.fstat(descriptor)
            if details(descriptor).mount != self._root.mount:
                self.found.skipped[path] = "other mount"
                return
            mode = stat.S_IMODE(found.st_mode) & PERMISSIONS
            self.found.entries[path] = Directory(mode, mtime_of(found))
            self.directory(descriptor, path, depth=depth + 1)
        finally:
            os.close(descriptor)

    def _file(self, path: bytes, found: os.stat_result) -> None:
        if is_foreign(found, self._root):
            self.found.skipped[path] = "hard link to a file of another user"
            return
        if found.st_size > self._limits.max_file_bytes:
            self.found.skipped[path] = "too big"
            return
        mode = stat.S_IMODE(found.st_mode) & PERMISSIONS
        signature = signature_of(found)
        known = self._known.get(path)
        if known is not None and known.signature == signature:
            self.found.entries[path] = File(
                known.digest, found.st_size, mode, mtime_of(found)
            )
        else:
            suspect = Suspect(path, signature, mode, mtime_of(found))
            self.found.suspects.append(suspect)

    def _link(
        self, parent: int, name: bytes, path: bytes, found: os.stat_result
    ) -> None:
        try:
            target = os.readlink(name, dir_fd=parent)
        except OSError:
            return  # gone, or something else by now: its event brings us back
        self.found.entries[path] = Link(target, mtime_of(found))


def is_foreign(found: os.stat_result, root: Root) -> bool:
    """Return whether a file may be another user's, and only linked to from here."""
    return found.st_nlink > 1 and found.st_uid != root.uid


def mtime_of(found: os.stat_result) -> int:
    """Return a time of change in ns that a pack and a catalog can hold.

    Disks know times after 2262, and anybody may give one to a file.
    """
    return max(-MAX_TIME_NS, min(found.st_mtime_ns, MAX_TIME_NS))


def signature_of(found: os.stat_result) -> Signature:
    """Return what says whether a file was written since."""
    return (found.st_size, mtime_of(found), found.st_ctime_ns, found.st_ino)


def _listing(descriptor: int) -> list[tuple[bytes, os.stat_result]]:
    """Return names and `lstat`s of an open directory, without what vanishes meanwhile.

    Sorted, so that a pack built of the same tree is the same.
    """
    listing: list[tuple[bytes, os.stat_result]] = []
    with os.scandir(descriptor) as entries:
        for entry in entries:
            with contextlib.suppress(FileNotFoundError):
                found = entry.stat(follow_symlinks=False)
                listing.append((os.fsencode(entry.name), found))
    return sorted(listing, key=lambda found: found[0])
