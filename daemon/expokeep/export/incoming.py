"""What comes from outside, on its way to being a project: believed in nothing.

Contents go into a heap as they come, counted by what they really are. Names, kinds and
links are judged here, before anything of them is on the disk as itself.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from expokeep.errors import ExpokeepError, QuotaExceeded
from expokeep.export.heap import Heap
from expokeep.model import size
from expokeep.model.names import for_terminal, is_safe_path, parents
from expokeep.model.tree import (
    MAX_DEPTH,
    PERMISSIONS,
    Directory,
    Entry,
    File,
    Link,
    validate,
)

MAX_ENTRIES = 200_000
_OWN_FILE, _OWN_DIRECTORY = 0o600, 0o700
"""What the owner of a new project may do in any case."""
_LATEST_NS = 2**62
_NOISE = (b"__MACOSX", b"pax_global_header")


class ImportRefused(ExpokeepError):
    """It is not what a project could be, or it was made to do harm."""

    exit_code = 15
    hint = "Nothing of it was written. Look into it with care before you trust it."


@dataclass(frozen=True, slots=True)
class Bounds:
    """How much may come."""

    max_bytes: int
    max_file_bytes: int
    max_entries: int = MAX_ENTRIES


@dataclass(slots=True)
class Incoming:
    """A tree as it comes, entry by entry."""

    held: Heap
    bounds: Bounds
    skipped: dict[bytes, str] = field(default_factory=dict)
    """What was left out, and why."""
    _tree: dict[bytes, Entry] = field(default_factory=dict)
    _came_bytes: int = 0

    def file(
        self, name: bytes, chunks: Iterable[bytes], mode: int, mtime_ns: int
    ) -> None:
        """Take a file.

        Raises:
            ImportRefused: a project cannot have it.
            QuotaExceeded: it is too much.
        """
        path = self._path(name)
        digest, size_bytes = self.held.add(self._counted(path, chunks))
        mode = mode & PERMISSIONS | _OWN_FILE
        self._set(path, File(digest, size_bytes, mode, _time(mtime_ns)))

    def directory(self, name: bytes, mode: int, mtime_ns: int) -> None:
        """Take a directory; to name it twice does no harm."""
        if name.strip(b"/") in (b"", b"."):
            return
        path = self._path(name)
        entry = Directory(mode & PERMISSIONS | _OWN_DIRECTORY, _time(mtime_ns))
        if isinstance(self._tree.get(path), Directory):
            self._tree[path] = entry
        else:
            self._set(path, entry)

    def link(self, name: bytes, target: bytes, mtime_ns: int) -> None:
        """Take a link, unless it leads out of the project."""
        path = self._path(name)
        if not stays_inside(path, target):
            self.skip(path, "a link that leads out of the project")
        else:
            self._set(path, Link(target, _time(mtime_ns)))

    def same(self, name: bytes, other: bytes) -> None:
        """Take another name of a file that came: a hard link.

        Raises:
            ImportRefused: no such file came.
        """
        path, first = self._path(name), self._tree.get(self._path(other))
        if not isinstance(first, File):
            raise ImportRefused(f"{for_terminal(path)} is another file outside of it")
        self._set(path, first)

    def skip(self, path: bytes, reason: str) -> None:
        """Leave something out, and say so."""
        if len(self.skipped) >= self.bounds.max_entries:
            raise ImportRefused("more is left out than anybody would read of")
        self.skipped[path] = reason

    def tree(self) -> dict[bytes, Entry]:
        """Return all that came, without the one directory that may be around it.

        Raises:
            ImportRefused: it is no tree, or there is nothing in it.
        """
        tree = {
            path: entry
            for path, entry in self._tree.items()
            if path.split(b"/")[0] not in _NOISE
        }
        for above in {above for path in tree for above in parents(path)}:
            tree.setdefault(above, Directory())
        try:
            validate(tree)
        except ValueError as error:
            raise ImportRefused(f"this can be no project: {error}") from error
        tree = _without_top(tree)
        if not any(isinstance(entry, File) for entry in tree.values()):
            raise ImportRefused("there is no file in it")
        return tree

    def _path(self, name: bytes) -> bytes:
        path = name.removesuffix(b"/")
        while path.startswith(b"./"):
            path = path[2:]
        if not is_safe_path(path) or path.count(b"/") >= MAX_DEPTH:
            raise ImportRefused(f"it has an unsafe path: {for_terminal(name[:200])}")
        return path

    def _set(self, path: bytes, entry: Entry) -> None:
        if path in self._tree:
            raise ImportRefused(f"{for_terminal(path)} is in it twice")
        if len(self._tree) >= self.bounds.max_entries:
            raise QuotaExceeded(f"it has more than {self.bounds.max_entries} entries")
        self._tree[path] = entry

    def _counted(self, path: bytes, chunks: Iterable[bytes]) -> Iterable[bytes]:
        """Count what really comes, whatever was said of its size."""
        file_bytes = 0
        for chunk in chunks:
            file_bytes += len(chunk)
            self._came_bytes += len(chunk)
            if file_bytes > self.bounds.max_file_bytes:
                most = size.shown(self.bounds.max_file_bytes)
                raise QuotaExceeded(f"{for_terminal(path)} is larger than {most}")
            if self._came_bytes > self.bounds.max_bytes:
                most = size.shown(self.bounds.max_bytes)
                raise QuotaExceeded(f"it holds more than {most}")
            yield chunk


def stays_inside(path: bytes, target: bytes) -> bool:
    """Return whether a link cannot lead out of its project, whatever other links do.

    It may climb first, not above the top, and then only go down: a `..` behind another
    link would be a step from wherever that one leads.

    >>> stays_inside(b"a/b/link", b"../c"), stays_inside(b"a/link", b"../../etc")
    (True, False)
    >>> stays_inside(b"link", b"a/../b"), stays_inside(b"link", b"/etc/passwd")
    (False, False)
    """
    if not target or b"\0" in target or target.startswith(b"/"):
        return False
    parts = [part for part in target.split(b"/") if part not in (b"", b".")]
    climbs = 0
    while climbs < len(parts) and parts[climbs] == b"..":
        climbs += 1
    return climbs <= path.count(b"/") and b".." not in parts[climbs:]


def _without_top(tree: dict[bytes, Entry]) -> dict[bytes, Entry]:
    tops = {path.split(b"/")[0] for path in tree}
    if len(tops) != 1 or not isinstance(tree[next(iter(tops))], Directory):
        return tree
    skip = len(next(iter(tops))) + 1
    return {path[skip:]: entry for path, entry in tree.items() if len(path) >= skip}


def _time(mtime_ns: int) -> int:
    return max(0, min(mtime_ns, _LATEST_NS))
