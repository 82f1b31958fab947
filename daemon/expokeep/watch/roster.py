"""Which sessions there are: found, begun, told to the sink, ended.

Like the tree it believes the disk and not the event: a name in a watch root is looked
at, and what is there now is compared with what was known.
"""

import os
import stat
from collections.abc import Iterable, Iterator

from expokeep import log
from expokeep.model.names import SessionId, for_terminal
from expokeep.watch.inotify import ROOT_MASK, SESSION_MASK, Reader
from expokeep.watch.opening import GONE, directories_in, errno_name, open_directory
from expokeep.watch.pinning import Pinning
from expokeep.watch.tree import WatchTree
from expokeep.watch.values import Assignment, SessionDirectory, WatchRoot
from expokeep.watch.watched import UNWATCHED_WD, Watched, below

_MAX_INVALID_NAMES = 1000

_logger = log.get(__name__)


class Roster:
    """The sessions that are known, by path. Not for several threads.

    `expected` is what an earlier roster knew: of those only differences are told.
    """

    def __init__(
        self,
        assignment: Assignment,
        reader: Reader,
        tree: WatchTree,
        expected: Iterable[SessionDirectory],
        pinning: Pinning | None = None,
    ) -> None:
        self._pinning = pinning
        self._most = assignment.max_directories
        self._excluded = assignment.excluded
        self._sink = assignment.sink
        self._reader = reader
        self._tree = tree
        self._expected = {directory.path: directory for directory in expected}
        self._watched: dict[bytes, Watched] = {}
        self._root_by_wd: dict[int, WatchRoot] = {}
        self.unwatched_roots: dict[bytes, str] = {}
        self.invalid_paths: dict[bytes, None] = {}

    def __iter__(self) -> Iterator[Watched]:
        return iter(list(self._watched.values()))

    def __len__(self) -> int:
        return len(self._watched)

    def __contains__(self, watched: Watched) -> bool:
        return self._watched.get(watched.directory.path) is watched

    def get(self, path: bytes) -> Watched | None:
        """Return the session whose directory has this path."""
        return self._watched.get(path)

    def root(self, wd: int) -> WatchRoot | None:
        """Return the watch root that a watch is on."""
        return self._root_by_wd.get(wd)

    def names_to_look_at(self, root: WatchRoot) -> list[bytes]:
        """List a root, and return the names of which something may be new.

        Places the watch on the root if it is missing, or on what replaced it.
        """
        here = below(root.path, b"")
        known = {
            path.removeprefix(here): watched.directory.inode
            for path, watched in self._watched.items()
            if watched.found_in is root
        }
        listed = self._listed(root)
        for path in [path for path in self.invalid_paths if path.startswith(here)]:
            if path.removeprefix(here) not in listed:
                del self.invalid_paths[path]
        new = [name for name, inode in listed.items() if known.get(name) != inode]
        return new + [name for name in known if name not in listed]

    def look(self, root: WatchRoot, name: bytes, *, deep: bool = False) -> None:
        """Bring one session in line with what has its name now.

        `deep` walks all of it; otherwise only a new one is walked.
        """
        path = below(root.path, name)
        session = root.session_of(name)
        if session is None:
            self._refuse(path)
            return
        if path not in self._watched and len(self._watched) >= self._most:
            return
        try:
            fd = open_directory(path)
        except OSError as error:
            self._not_opened(root, session, path, error)
            return
        try:
            self._meet(root, _directory(session, path, os.fstat(fd)), fd, deep=deep)
        finally:
            os.close(fd)

    def look_again(self, watched: Watched, *, deep: bool = False) -> None:
        """Bring a session that is known in line with what has its name now."""
        _, name = os.path.split(watched.directory.path)
        self.look(watched.found_in, name, deep=deep)

    def walk(self, watched: Watched) -> bool:
        """Bring all of a session in line; return whether something new was there."""
        placed = self._tree.placed
        self.look_again(watched, deep=True)
        return self._tree.placed != placed

    def lost_root(self, watched: Watched) -> None:
        """The kernel says that the session's root is no more."""
        self._end(watched)
        self.look_again(watched)

    def refresh_rules(self, watched: Watched) -> None:
        """Ask again what is left out of the session."""
        watched.obey(self._excluded(watched.directory))

    def end_expected(self) -> None:
        """Tell of sessions that an earlier roster knew, and that were not found."""
        while self._expected:
            _, directory = self._expected.popitem()
            self._tell_end(directory)

    def _listed(self, root: WatchRoot) -> dict[bytes, int]:
        """Return the inodes of the directories that mean to be sessions, by name."""
        try:
            fd = os.open(root.path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except OSError as error:
            self._root_trouble(root, error)
            return {}
        try:
            self._watch_root(root, fd)
            found = directories_in(fd)
        finally:
            os.close(fd)
        return {name: inode for name, inode in found.items() if root.matches(name)}

    def _watch_root(self, root: WatchRoot, fd: int) -> None:
        try:
            wd = self._reader.watch(fd, ROOT_MASK)
        except OSError as error:
            self._root_trouble(root, error)
            return
        self.unwatched_roots.pop(root.path, None)
        for old in [old for old, its in self._root_by_wd.items() if its is root]:
            if old != wd:
                del self._root_by_wd[old]
                self._reader.unwatch(old)
        self._root_by_wd[wd] = root

    def _root_trouble(self, root: WatchRoot, error: OSError) -> None:
        if root.path not in self.unwatched_roots:
            _logger.error(
                "watch root not watched, listed only",
                path=for_terminal(root.path),
                reason=errno_name(error),
            )
        self.unwatched_roots[root.path] = errno_name(error)

    def _meet(
        self, root: WatchRoot, found: SessionDirectory, fd: int, *, deep: bool
    ) -> None:
        known = self._watched.get(found.path)
        try:
            wd, trouble = self._reader.watch(fd, SESSION_MASK), ""
        except OSError as error:
            wd, trouble = UNWATCHED_WD, errno_name(error)
        if known is not None and not _is_same(known, found, wd):
            self._end(known)
            known = None
        watched = known or Watched(found, root, self._excluded(found))
        if known is None and self._pinning is not None:
            self._pinning.begin(found, fd)
        if wd == UNWATCHED_WD:
            self._tree.trouble(watched, trouble)
        elif wd != watched.root.wd:
            self._tree.plant(watched, wd)
            if self._pinning is not None:
                self._pinning.met(watched.root, b"", fd)
            self._tree.walk(watched, fd)
        elif deep:
            self._tree.walk(watched, fd)
        if known is None:
            self._begin(watched)

    def _begin(self, watched: Watched) -> None:
        found = watched.directory
        self._watched[found.path] = watched
        before = self._expected.pop(found.path, None)
        if before == found:
            # Its watches are in place only now: what happened before was not seen.
            self._sink.changed(found)
            return
        if before is not None:
            self._tell_end(before)
        self._sink.appeared(found)

    def _end(self, watched: Watched) -> None:
        self._tree.uproot(watched)
        if watched in self:
            del self._watched[watched.directory.path]
            self._tell_end(watched.directory)

    def _tell_end(self, directory: SessionDirectory) -> None:
        # The capture first: who hears of the end asks at once what was captured.
        if self._pinning is not None:
            self._pinning.end(directory)
        self._sink.disappeared(directory)

    def _not_opened(
        self, root: WatchRoot, session: SessionId, path: bytes, error: OSError
    ) -> None:
        known = self._watched.get(path)
        try:
            status = None if error.errno in GONE else os.lstat(path)
        except OSError as later:
            # That we may not look is no proof that there is nothing.
            if known is not None:
                self._tree.trouble(known, errno_name(later))
            return
        if status is None or not stat.S_ISDIR(status.st_mode):
            if known is not None:
                self._end(known)
            return
        found = _directory(session, path, status)
        # It is there, and we may not look inside: a session all the same.
        if known is not None and not _is_same(known, found, UNWATCHED_WD):
            self._end(known)
            known = None
        watched = known or Watched(found, root, self._excluded(found))
        self._tree.trouble(watched, errno_name(error))
        if known is None:
            self._begin(watched)

    def _refuse(self, path: bytes) -> None:
        if path in self.invalid_paths or len(self.invalid_paths) >= _MAX_INVALID_NAMES:
            return
        self.invalid_paths[path] = None
        _logger.warning(
            "not the name of a session, left alone", path=for_terminal(path)
        )


def _directory(
    session: SessionId, path: bytes, status: os.stat_result
) -> SessionDirectory:
    return SessionDirectory(
        session,
        path,
        status.st_dev,
        status.st_ino,
        status.st_uid,
        status.st_gid,
    )


def _is_same(known: Watched, found: SessionDirectory, wd: int) -> bool:
    """Return whether this is still the directory that was known by its path.

    Two watches are the same if and only if their directories are; inode numbers come
    back, and are asked only where there is no watch to compare.
    """
    if UNWATCHED_WD not in (known.root.wd, wd):
        return known.root.wd == wd
    was = known.directory
    return (was.device, was.inode) == (found.device, found.inode)
