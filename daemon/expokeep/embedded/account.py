"""Which user a server runs as, and what that user can reach.

Postgres refuses to run as root, and SeaweedFS has no need to. An ordinary user has no
choice: servers run as that user.
"""

import contextlib
import os
import pwd
import stat
from dataclasses import dataclass
from pathlib import Path

from expokeep.errors import ConfigError

_CANDIDATES = ("expokeep", "nobody")
"""Who stands in for root. `initdb` wants a user that has a name.

Ours if the package's sysusers.d made it, else `nobody`, which every system has. Not
`postgres`: that one owns the databases of others, and we would rather share nothing
with them than have the better name.
"""


@dataclass(frozen=True, slots=True)
class Account:
    """A user and group by number."""

    uid: int
    gid: int


def account_of(data: Path) -> Account:
    """Return who owns `data`, or who shall if it is not there yet.

    Whoever owned it last time owns it this time: a user `expokeep` that appears later
    does not lock the servers out of what they kept.
    """
    if data.exists():
        status = data.stat()
        return Account(status.st_uid, status.st_gid)
    if os.geteuid() != 0:
        return Account(os.geteuid(), os.getegid())
    for name in _CANDIDATES:
        with contextlib.suppress(KeyError):
            entry = pwd.getpwnam(name)
            return Account(entry.pw_uid, entry.pw_gid)
    raise ConfigError(f"Postgres does not run as root, and no user is {_CANDIDATES}")


def give_directory(path: Path, account: Account) -> None:
    """Make `path` a directory (0700) of `account`, if it is not there.

    Its parent must be ours: in a directory of the server's user, a name could be that
    user's symbolic link to anywhere by the time that root follows it.

    Raises:
        ConfigError: The server's user cannot get there.
    """
    if not path.exists():
        path.mkdir(mode=0o700)
        os.chown(path, account.uid, account.gid)
    if not can_enter(path, account):
        raise _unreachable(path, account)


def give_file(path: Path, content: str, account: Account) -> None:
    """Write a file that only `account` may read. Its parent must be ours."""
    partial = path.with_name(f"{path.name}.partial")
    partial.unlink(missing_ok=True)
    partial.touch(mode=0o600)
    with partial.open("w", encoding="ascii") as file:
        os.fchown(file.fileno(), account.uid, account.gid)
        file.write(content)
        file.flush()
        # A password that a power cut takes away would lock up the data it belongs to.
        os.fsync(file.fileno())
    partial.replace(path)


def can_enter(path: Path, account: Account) -> bool:
    """Return whether `account` can pass every directory from the root down to `path`.

    Without the help of capabilities (`initdb` refuses programs that only they reach),
    and for others than ourselves by mode bits alone, not by access lists.
    """
    if account.uid in (0, os.geteuid()):
        return os.access(path, os.X_OK)
    return all(_may_pass(parent, account) for parent in (path, *path.parents))


def _may_pass(directory: Path, account: Account) -> bool:
    status = directory.stat()
    if status.st_uid == account.uid:
        return bool(status.st_mode & stat.S_IXUSR)
    if status.st_gid == account.gid:
        return bool(status.st_mode & stat.S_IXGRP)
    return bool(status.st_mode & stat.S_IXOTH)


def _unreachable(path: Path, account: Account) -> ConfigError:
    try:
        name = pwd.getpwuid(account.uid).pw_name
    except KeyError:
        name = str(account.uid)
    error = ConfigError(f"the embedded servers run as {name}, who cannot enter {path}")
    error.hint = (
        "Name a --state-dir whose parents everybody may enter (mode 0711 is enough), "
        "or run expokeepd as an ordinary user."
    )
    return error
