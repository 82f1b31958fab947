"""The socket's file: made, given its rights, and taken away again.

Knows what lies in the file system at the socket's path, and nothing of HTTP.
"""

import contextlib
import fcntl
import grp
import os
import socket
import stat
from collections.abc import Iterator
from pathlib import Path

from expokeep.errors import Busy, ConfigError
from expokeep.log import get

log = get(__name__)

_BACKLOG = 128
_KNOCK_S = 2.0


@contextlib.contextmanager
def bound_socket(
    path: Path, permissions: int, group: str | None
) -> Iterator[tuple[socket.socket, int | None]]:
    """Listen at `path`, and remove it afterwards if it still is ours.

    Yields the socket and the id of its group. A socket that nobody answers on any more
    is replaced.

    Raises:
        Busy: another daemon answers there.
        ConfigError: there can be no socket with these rights at this path.
    """
    group_id = _group_id(group)
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        with _directory_locked(path):
            _remove_stale(path)
            try:
                listener.bind(os.fspath(path))
                if group_id is not None:
                    os.chown(path, -1, group_id)
                path.chmod(permissions)
            except OSError as error:
                raise ConfigError(f"cannot make a socket at {path}: {error}") from error
            _warn_of_neighbours(path)
            # Only now: until here, nobody could connect with other rights.
            listener.listen(_BACKLOG)
            made = path.lstat()
        try:
            yield listener, group_id
        finally:
            with contextlib.suppress(FileNotFoundError):
                if os.path.samestat(path.lstat(), made):
                    path.unlink()


def _warn_of_neighbours(path: Path) -> None:
    """Say so if others could take the socket away and answer in its place."""
    mode = path.parent.stat().st_mode
    is_kept = not mode & stat.S_IWOTH or mode & stat.S_ISVTX
    if not is_kept:
        log.warning(
            "socket in a directory that anybody may write to", path=os.fspath(path)
        )


def _group_id(group: str | None) -> int | None:
    if group is None:
        return None
    try:
        return grp.getgrnam(group).gr_gid
    except KeyError as error:
        raise ConfigError(f"socket.group: there is no group {group!r}") from error


@contextlib.contextmanager
def _directory_locked(path: Path) -> Iterator[None]:
    """Let two daemons that start at once look and bind one after the other."""
    try:
        directory = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        raise ConfigError(f"no directory for the socket {path}: {error}") from error
    try:
        fcntl.flock(directory, fcntl.LOCK_EX)
        yield
    finally:
        os.close(directory)


def _remove_stale(path: Path) -> None:
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(mode):
        raise ConfigError(f"{path} is in the way: it is no socket")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as knock:
        knock.settimeout(_KNOCK_S)
        try:
            knock.connect(os.fspath(path))
        except ConnectionRefusedError:
            path.unlink()
            return
        except (BlockingIOError, TimeoutError):
            pass  # its queue is full: somebody is there
        except OSError as error:
            raise ConfigError(f"cannot look behind {path}: {error}") from error
    raise Busy(f"another expokeepd runs here: it answers on {path}")
