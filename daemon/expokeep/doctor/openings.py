"""What a machine allows that lets its users do more to a daemon than they should.

See "Not defended" in docs/SECURITY.md.
"""

import stat
from collections.abc import Iterator
from pathlib import Path

from expokeep.doctor.values import Check, Setup

FUSE_CONF = Path("/etc/fuse.conf")
_LETS_OTHERS_IN = "user_allow_other"


def fuse(conf: Path = FUSE_CONF) -> Iterator[Check]:
    """Look whether users may have others wait for a file system of theirs."""
    try:
        lines = conf.read_text(errors="replace").splitlines()
    except OSError:
        lines = []  # there is no FUSE, or it is closed to us, as it is to users
    if any(line.strip() == _LETS_OTHERS_IN for line in lines):
        detail = f"{_LETS_OTHERS_IN} in {conf}: a mount in a session can hang us"
        hint = f"Take the line {_LETS_OTHERS_IN} out of {conf}, if nothing needs it."
        yield Check("fuse", "warning", detail, hint)
    else:
        yield Check("fuse", "ok", "mounts of users are their own")


def setgid(setup: Setup) -> Iterator[Check]:
    """Look whether sessions get a group that their owners are not in."""
    name = "watch directory's group"
    for directory, _ in setup.watch:
        try:
            is_set = directory.stat().st_mode & stat.S_ISGID
        except OSError:
            continue  # that it is not there is told by another look
        if is_set:
            detail = f"{directory} is setgid: what its group may read counts as theirs"
            yield Check(name, "warning", detail, f"`chmod g-s {directory}`")
        else:
            yield Check(name, "ok", f"{directory} gives sessions no group")
