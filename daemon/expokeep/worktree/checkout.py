"""Puts a tree back on disk: staged beside the target, proved, and renamed in.

Nobody ever sees half a project. Until the last rename there is only a directory that no
one else may enter; if anything fails, it is removed and the target is as it was.
"""

import contextlib
import fcntl
import hashlib
import os
import secrets
import shutil
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from expokeep.errors import IntegrityError, TargetExists
from expokeep.model.digest import shown
from expokeep.model.names import for_terminal
from expokeep.model.tree import Directory, File, Link, Tree, validate
from expokeep.worktree import system
from expokeep.worktree.root import DIRECTORY, Directories, open_file

STAGING_PREFIX = ".expokeep-staging-"
REPLACED_PREFIX = b".expokeep-replaced-"
_CHUNK_BYTES = 1024 * 1024
_NEW_FILE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


@dataclass(frozen=True, slots=True)
class Owner:
    """To whom restored files are given, and the mode of the root."""

    uid: int
    gid: int
    mode: int = 0o755


class Staging:
    """A tree on its way to its place. Made by `staging`, which also cleans up."""

    def __init__(
        self, parent: int, name: bytes, top: int, tree: Tree, owner: Owner
    ) -> None:
        self._parent = parent
        self.name = name
        """In the directory above: ours, until something else has it."""
        self._top = top
        self._tree = tree
        self._owner = owner
        self._above = Directories(top)

    def make_directories(self) -> None:
        """Make every directory of the tree, for us alone until `settle`."""
        for path in sorted(self._tree):
            if isinstance(self._tree[path], Directory):
                above, name = self._above.of(path)
                os.mkdir(name, 0o700, dir_fd=above)

    def write(self, path: bytes, chunks: Iterable[bytes | memoryview]) -> None:
        """Write one file and prove it.

        Raises:
            IntegrityError: the bytes are not those that the tree names.
        """
        entry = self._tree[path]
        assert isinstance(entry, File), path  # noqa: S101 - only files have contents
        hasher, size_bytes = hashlib.sha256(), 0
        with self._created(path) as descriptor:
            for chunk in chunks:
                hasher.update(chunk)
                size_bytes += len(chunk)
                if size_bytes > entry.size_bytes:
                    break
                _write_all(descriptor, chunk)
            if size_bytes != entry.size_bytes or hasher.digest() != entry.digest:
                raise IntegrityError(
                    f"{for_terminal(path)} came back as other bytes than "
                    f"{shown(entry.digest)}"
                )
            # Readable until the end: other paths may have the same contents.
            _dress(descriptor, entry, self._owner, entry.mode | stat.S_IRUSR)
            system.begin_sync(descriptor)

    def copy(self, path: bytes, other: bytes) -> None:
        """Write a second file with the contents of one that is there."""
        self.write(other, contents(self._top, path))

    def identity(self) -> tuple[int, int, int]:
        """Return device, inode and birth (ns) of what will be the target."""
        found = os.fstat(self._top)
        return found.st_dev, found.st_ino, system.details(self._top).birth_ns

    def settle(self) -> None:
        """Make the links, then give directories owner, mode and times, bottom up.

        Files have theirs since they were written.
        """
        for path, entry in self._tree.items():
            if isinstance(entry, Link):
                self._link(path, entry)
        for path in sorted(self._tree, reverse=True):
            entry = self._tree[path]
            if isinstance(entry, Directory):
                _dress(self._above.opened(path), entry, self._owner, entry.mode)
            elif isinstance(entry, File) and not entry.mode & stat.S_IRUSR:
                above, name = self._above.of(path)
                os.chmod(name, entry.mode, dir_fd=above)
        os.fchown(self._top, self._owner.uid, self._owner.gid)
        os.fchmod(self._top, self._owner.mode)

    def close(self) -> None:
        """Let go of the directories that are open."""
        self._above.close()

    def sync(self) -> None:
        """Wait until all of it would survive a loss of power."""
        system.sync_file_system(self._top)

    def publish(self, target: bytes) -> None:
        """Give the tree its name.

        Raises:
            TargetExists: something has that name already.
        """
        try:
            system.rename_new(self._parent, self.name, target)
        except FileExistsError:
            self._take_place_of_empty(target)
        os.fsync(self._parent)

    def swap(self, target: bytes, left_alone: Iterable[bytes] = ()) -> bytes:
        """Change places with what is there; return the name the old tree has now.

        Directories named in `left_alone` move on into the new tree: no snapshot keeps
        them, and without them the project would not start. Not from a tree of another
        user, who would have the new one's owner run what is in them.
        """
        replaced = b"%s%s-%s" % (REPLACED_PREFIX, target, secrets.token_hex(6).encode())
        old = os.open(target, DIRECTORY, dir_fd=self._parent)
        try:
            # In this order the old tree never has a name that says "may be removed".
            system.rename_new(self._parent, self.name, replaced)
            self.name = replaced
            system.exchange(self._parent, replaced, target)
            is_theirs = os.fstat(old).st_uid == self._owner.uid
            for name in left_alone if is_theirs else ():
                # It stays in the old tree if it is not there, or may not be moved.
                with contextlib.suppress(OSError):
                    system.rename_between(old, self._top, name)
        finally:
            os.close(old)
        os.fsync(self._parent)
        return replaced

    def _take_place_of_empty(self, target: bytes) -> None:
        try:
            os.rename(
                self.name, target, src_dir_fd=self._parent, dst_dir_fd=self._parent
            )
        except OSError as error:
            raise TargetExists(f"{os.fsdecode(target)} exists") from error

    def _link(self, path: bytes, entry: Link) -> None:
        above, name = self._above.of(path)
        os.symlink(entry.target, name, dir_fd=above)
        owner, times = self._owner, (entry.mtime_ns, entry.mtime_ns)
        os.chown(name, owner.uid, owner.gid, dir_fd=above, follow_symlinks=False)
        os.utime(name, ns=times, dir_fd=above, follow_symlinks=False)

    @contextlib.contextmanager
    def _created(self, path: bytes) -> Iterator[int]:
        """Open a new file for writing; it is gone again if its writing fails."""
        above, name = self._above.of(path)
        descriptor = os.open(name, _NEW_FILE, 0o600, dir_fd=above)
        try:
            yield descriptor
        except BaseException:
            os.unlink(name, dir_fd=above)
            raise
        finally:
            os.close(descriptor)


@contextlib.contextmanager
def staging(target: Path, tree: Tree, owner: Owner) -> Iterator[Staging]:
    """Hold a staging directory beside `target`, which is removed unless it was renamed.

    What a restore left there that was killed is removed as well.

    Raises:
        IntegrityError: the tree has a path that would leave its directory, or is
            otherwise none that we ever keep. Nothing was written.
        OSError: there is no way to write there.
    """
    try:
        validate(tree)
    except ValueError as error:
        raise IntegrityError(f"this version cannot be restored: {error}") from error
    parent = os.open(target.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    name = (STAGING_PREFIX + secrets.token_hex(8)).encode()
    try:
        _remove_abandoned(parent)
        os.mkdir(name, 0o700, dir_fd=parent)
        top = os.open(name, DIRECTORY, dir_fd=parent)
        with contextlib.suppress(OSError):  # without locks, nothing is ever abandoned
            fcntl.flock(top, fcntl.LOCK_EX | fcntl.LOCK_NB)
        staged = Staging(parent, name, top, tree, owner)
        try:
            yield staged
        finally:
            staged.close()
            _remove_own(parent, staged.name, top)
            os.close(top)
    finally:
        os.close(parent)


def is_empty_directory(path: Path) -> bool:
    """Return whether `path` is a directory that holds nothing."""
    try:
        with os.scandir(path) as entries:
            return next(entries, None) is None
    except NotADirectoryError:
        return False


def contents(top: int, path: bytes) -> Iterator[bytes]:
    """Yield the bytes of a file below `top`.

    Raises:
        OSError: as `open_file`.
    """
    descriptor = open_file(top, path)
    try:
        while chunk := os.read(descriptor, _CHUNK_BYTES):
            yield chunk
    finally:
        os.close(descriptor)


def remove_abandoned(parent: Path) -> None:
    """Remove what restores that were killed left in a directory, where we may.

    Raises:
        OSError: there is no such directory, or we may not look into it.
    """
    descriptor = os.open(parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        _remove_abandoned(descriptor)
    finally:
        os.close(descriptor)


def _remove_abandoned(parent: int) -> None:
    """Remove staging directories of ours that nobody holds any more.

    Whoever stages holds a lock before the first file is there: so one that is empty may
    be about to be locked, and one that is not and has no lock has lost its process.
    """
    for name in os.listdir(parent):
        if not name.startswith(STAGING_PREFIX):
            continue
        with contextlib.suppress(OSError):
            top = os.open(name, DIRECTORY, dir_fd=parent)
            try:
                with os.scandir(top) as found:
                    has_begun = next(found, None) is not None
                if has_begun and os.fstat(top).st_uid == os.geteuid():
                    fcntl.flock(top, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    _remove_own(parent, os.fsencode(name), top)
            finally:
                os.close(top)


def _remove_own(parent: int, name: bytes, top: int) -> None:
    """Remove the staging directory if its name still is ours."""
    try:
        there, ours = os.stat(name, dir_fd=parent, follow_symlinks=False), os.fstat(top)
    except FileNotFoundError:
        return
    if (there.st_dev, there.st_ino) == (ours.st_dev, ours.st_ino):
        shutil.rmtree(os.fsdecode(name), dir_fd=parent, ignore_errors=True)


def _dress(descriptor: int, entry: File | Directory, owner: Owner, mode: int) -> None:
    """Give what is open its owner, mode and times; a change of owner undoes modes."""
    os.fchown(descriptor, owner.uid, owner.gid)
    os.fchmod(descriptor, mode)
    os.utime(descriptor, ns=(entry.mtime_ns, entry.mtime_ns))


def _write_all(descriptor: int, chunk: bytes | memoryview) -> None:
    left = memoryview(chunk)
    while left:
        left = left[os.write(descriptor, left) :]
