"""What is on disk: every name below a root with its `lstat`, without reading contents.

A scan is the truth that events only hint at. It decides nothing: it tells which files
look as they did, which must be read, and what was left out and why.
"""

import os
import stat
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from expokeep.model.ignore import Rules
from expokeep.model.names import MAX_PATH_BYTES
from expokeep.model.own import objection
from expokeep.model.tree import PERMISSIONS, Directory, Entry, File, Link
from expokeep.worktree.index import Known, Signature
from expokeep.worktree.root import DIRECTORY, Root
from expokeep.worktree.system import details, is_our_own

MAX_DEPTH = 128
"""Directories inside each other; below that is reported and left out."""
MAX_ENTRIES = 1_000_000
MAX_NAMES_BYTES = 128 * 1024 * 1024
"""Of all paths together: a million of the longest would be 4 GB."""
MAX_SKIPPED = 10_000
"""Reports of single paths; beyond them it is their directories that are reported."""
MAX_TIME_NS = 2**63 - 1

WHOLE = b"."
"""Stands for the root where something is said of paths; no path is called so."""

Reason = Literal[
    "unreadable",
    "too deep",
    "too many",
    "too big",
    "not a file",
    "other mount",
    "hard link to a file of another user",
    "only another user may read it",
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
        self._left = MAX_ENTRIES
        self._left_bytes = MAX_NAMES_BYTES

    def directory(self, descriptor: int, above: bytes, *, depth: int) -> None:
        """Take every name of one directory, while there are not too many."""
        try:
            listing = _Listing(descriptor, self._left)
        except OSError as error:
            if not above or is_our_own(error):
                raise
            self.skip(above, "unreadable")
            return
        for name in listing.unreadable:
            self.skip(_below(above, name), "unreadable")
        for name, found in listing.names:
            path = _below(above, name)
            self._left -= 1
            self._left_bytes -= len(path)
            if self._left < 0 or self._left_bytes < 0:
                listing.is_cut = True
                break
            self._name(descriptor, name, path, found, depth)
        if listing.is_cut:
            self.found.skipped[above or WHOLE] = "too many"

    def skip(self, path: bytes, why: Reason) -> None:
        """Report what is not taken; of too much of it, only where it is."""
        if len(self.found.skipped) >= MAX_SKIPPED:
            path, why = path.rpartition(b"/")[0] or WHOLE, "too many"
            if len(self.found.skipped) >= 2 * MAX_SKIPPED:
                path = WHOLE
        self.found.skipped[path] = why

    def _name(
        self,
        parent: int,
        name: bytes,
        path: bytes,
        found: os.stat_result,
        depth: int,
    ) -> None:
        is_directory = stat.S_ISDIR(found.st_mode)
        if len(path) > MAX_PATH_BYTES:
            self.skip(path, "too deep")
        elif self._excludes(path, is_directory):
            self.found.excluded_count += 1
        elif is_directory:
            self._enter(parent, name, path, depth)
        elif stat.S_ISREG(found.st_mode):
            self._file(path, found)
        elif stat.S_ISLNK(found.st_mode):
            self._link(parent, name, path, found)
        else:
            self.skip(path, "not a file")

    def _enter(self, parent: int, name: bytes, path: bytes, depth: int) -> None:
        if depth >= MAX_DEPTH:
            self.skip(path, "too deep")
            return
        try:
            descriptor = os.open(name, DIRECTORY, dir_fd=parent)
        except FileNotFoundError:
            return
        except OSError as error:
            if is_our_own(error):
                raise
            self.skip(path, "unreadable")
            return
        try:
            found = os.fstat(descriptor)
            if details(descriptor).mount != self._root.mount:
                self.skip(path, "other mount")
                return
            if why := objection(found, self._root):
                self.skip(path, why)
                return
            mode = stat.S_IMODE(found.st_mode) & PERMISSIONS
            self.found.entries[path] = Directory(mode, mtime_of(found))
            self.directory(descriptor, path, depth=depth + 1)
        finally:
            os.close(descriptor)

    def _file(self, path: bytes, found: os.stat_result) -> None:
        if why := objection(found, self._root):
            self.skip(path, why)
            return
        if found.st_size > self._limits.max_file_bytes:
            self.skip(path, "too big")
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


def mtime_of(found: os.stat_result) -> int:
    """Return a time of change in ns that a pack and a catalog can hold.

    Disks know times after 2262, and anybody may give one to a file.
    """
    return max(-MAX_TIME_NS, min(found.st_mtime_ns, MAX_TIME_NS))


def signature_of(found: os.stat_result) -> Signature:
    """Return what says whether a file was written since."""
    return (found.st_size, mtime_of(found), found.st_ctime_ns, found.st_ino)


class _Listing:
    """Names and `lstat`s of an open directory, without what vanishes meanwhile.

    Sorted, so that a pack built of the same tree is the same.

    Raises:
        OSError: it cannot be listed, or we are out of memory.
    """

    def __init__(self, descriptor: int, most: int) -> None:
        self.names: list[tuple[bytes, os.stat_result]] = []
        self.unreadable: list[bytes] = []
        """Names that cannot even be looked at: a broken mount, or one that is closed
        to us."""
        self.is_cut = False
        """Whether there are more than `most`."""
        with os.scandir(descriptor) as entries:
            for entry in entries:
                if len(self.names) + len(self.unreadable) >= most:
                    self.is_cut = True
                    break
                self._take(entry)
        self.names.sort(key=lambda found: found[0])

    def _take(self, entry: os.DirEntry[str]) -> None:
        name = os.fsencode(entry.name)
        try:
            self.names.append((name, entry.stat(follow_symlinks=False)))
        except FileNotFoundError:
            return
        except OSError as error:
            if is_our_own(error):
                raise
            self.unreadable.append(name)


def _below(above: bytes, name: bytes) -> bytes:
    return above + b"/" + name if above else name
