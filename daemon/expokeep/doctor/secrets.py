"""Whether others on this machine can read what only the daemon should."""

import contextlib
import errno
import grp
import os
import pwd
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

from expokeep.doctor.machine import DAEMON
from expokeep.doctor.values import Check, Fix, Setup

_OTHERS = 0o007
_MAY_PASS = 0o001


def secrets(setup: Setup) -> Iterator[Check]:
    """Look at the files that hold keys, passwords and peppers."""
    name, seen = "secrets", 0
    for file in (*setup.secret_files, setup.state_dir / "pepper"):
        try:
            mode = file.stat().st_mode
        except OSError:
            continue  # not there, or closed to us as well
        seen += 1
        if not mode & 0o006 or _is_shut(file):
            continue
        verb = "change" if mode & 0o002 else "read"
        yield Check(
            name,
            "error",
            f"everybody on this machine can {verb} {file}",
            f"`chmod o-rwx {file}`; then replace what is in it: it was open.",
            _chmod(file, mode & ~_OTHERS),
        )
        seen -= 1
    if seen:
        yield Check(name, "ok", f"{seen} files are closed to others")


def state_directory(setup: Setup) -> Iterator[Check]:
    """Look whether others may change what the daemon relies on."""
    place = setup.state_dir
    name = "state directory"
    if not place.exists():
        hint = f"`install -d -m 0755 -o expokeep -g expokeep {place}`"
        fix = Fix(f"make {place}", _making(place))
        hint += ", or the first `systemctl start expokeepd`."
        yield Check(name, "error", f"there is no {place}", hint, fix)
        return
    mode = place.stat().st_mode
    if mode & 0o022 and not mode & stat.S_ISVTX:
        hint = f"`chmod go-w {place}`."
        detail = f"others may write into {place}"
        yield Check(name, "error", detail, hint, _chmod(place, mode & ~0o022))


def _is_shut(file: Path) -> bool:
    """Return whether a directory on the way lets nobody else pass."""
    for above in file.parents:
        try:
            if not above.stat().st_mode & _MAY_PASS:
                return True
        except OSError:
            return True
    return False


def _chmod(path: Path, mode: int) -> Fix:
    wanted = stat.S_IMODE(mode)

    def act() -> None:
        # Not what a link leads to: its directory may be the daemon's, and we be root.
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        descriptor = os.open(path, flags)
        try:
            found = os.fstat(descriptor)
            if stat.S_ISREG(found.st_mode) and found.st_nlink > 1:
                raise OSError(errno.EMLINK, "it has another name elsewhere", str(path))
            os.fchmod(descriptor, wanted)
        finally:
            os.close(descriptor)

    return Fix(f"chmod {wanted:04o} {path}", act)


def _making(path: Path) -> Callable[[], None]:
    def act() -> None:
        path.mkdir(mode=0o755, parents=True)
        with contextlib.suppress(LookupError):  # no such user: it is the caller's
            user, group = pwd.getpwnam(DAEMON).pw_uid, grp.getgrnam(DAEMON).gr_gid
            # Not what has its name by now: what is above may be the daemon's.
            descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
            try:
                os.fchown(descriptor, user, group)
            finally:
                os.close(descriptor)

    return act
