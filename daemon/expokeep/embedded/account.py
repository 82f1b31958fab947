"""Which user a server runs as, and what that user can reach.

Postgres refuses to run as root, and SeaweedFS has no need to. An ordinary user has no
choice: servers run as that user.
"""

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


def directory_of_server(path: Path) -> Account:
    """Make `path` (0700) for a server if it is not there; return whom it belongs to.

    Whoever owned the data last time owns it this time: a user `expokeep` that appears
    later does not lock the servers out of what they kept.

    Raises:
        ConfigError: The server's user cannot get to `path`.
    """
    if not path.exists():
        path.mkdir(mode=0o700)
        chosen = _chosen()
        os.chown(path, chosen.uid, chosen.gid)
    status = path.stat()
    account = Account(status.st_uid, status.st_gid)
    if not can_enter(path, account):
        raise _unreachable(path, account)
    return account


def can_enter(path: Path, account: Account) -> bool:
    """Return whether `account` can pass every directory from the root down to `path`.

    By mode bits alone: a way in that only an access list grants does not count.
    """
    if account.uid in (0, os.geteuid()):
        return True
    return all(_may_pass(parent, account) for parent in (path, *path.parents))


def _chosen() -> Account:
    if os.geteuid() != 0:
        return Account(os.geteuid(), os.getegid())
    for name in _CANDIDATES:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return Account(entry.pw_uid, entry.pw_gid)
    raise ConfigError(f"Postgres does not run as root, and no user is {_CANDIDATES}")


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
