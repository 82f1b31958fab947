"""What the kernel allows: its version, and the limits of inotify."""

import os
import re
from collections.abc import Iterator
from pathlib import Path

from expokeep.doctor.values import Check, Fix

PROC = Path("/proc")
WATCHES_PER_SESSION = 40
"""Directories of an Expo project without node_modules, as measured, and some."""
_LEAST_INSTANCES = 128
"""Each Metro, each editor and each of our own restarts takes one or more."""
_OLDEST = (5, 8)
"""Of Debian's and Ubuntu's that still get updates, and older than any we tried."""
_FULL = 0.8
_LIMITS = {
    "fs.inotify.max_user_watches": ("fs/inotify", "max_user_watches"),
    "user.max_inotify_watches": ("user", "max_inotify_watches"),
    "fs.inotify.max_user_instances": ("fs/inotify", "max_user_instances"),
    "user.max_inotify_instances": ("user", "max_inotify_instances"),
}


def kernel(release: str = "") -> Iterator[Check]:
    """Look whether the kernel has what we ask of it."""
    release = release or os.uname().release
    found = re.match(r"(\d+)\.(\d+)", release)
    version = tuple(map(int, found.groups())) if found else _OLDEST
    if version < _OLDEST:
        wanted = ".".join(map(str, _OLDEST))
        hint = f"Run a kernel of at least {wanted}: `uname -r` says which one runs."
        yield Check("kernel", "warning", f"{release} is older than we know", hint)
    else:
        yield Check("kernel", "ok", release)


def inotify(
    max_sessions: int, watches_used: int | None = None, proc: Path = PROC
) -> Iterator[Check]:
    """Look whether as many directories can be watched as there may be sessions."""
    wanted = max_sessions * WATCHES_PER_SESSION
    key, limit = _least("watches", proc)
    used = f"{watches_used} of {limit}" if watches_used is not None else f"{limit}"
    detail = f"{used} watches, as {key} allows"
    target = max(wanted, 2 * limit if _is_full(watches_used, limit) else 0)
    fix = _sysctl(key, target, proc)
    if _is_full(watches_used, limit):
        hint = f"Sessions are polled when none is left: `sysctl -w {key}={target}`."
        yield Check("inotify", "error", f"nearly all: {detail}", hint, fix)
    elif limit < wanted:
        hint = (
            f"For {max_sessions} sessions of usual size: `sysctl -w {key}={target}`, "
            "and the same in /etc/sysctl.d."
        )
        yield Check("inotify", "warning", detail, hint, fix)
    else:
        yield Check("inotify", "ok", detail)
    yield _instances(proc)


def _instances(proc: Path) -> Check:
    key, limit = _least("instances", proc)
    detail = f"{limit} for each user, as {key} allows"
    if limit >= _LEAST_INSTANCES:
        return Check("inotify instances", "ok", detail)
    hint = (
        "Where sessions and the daemon share a user, none may be left for the daemon: "
        f"`sysctl -w {key}={_LEAST_INSTANCES * 8}`."
    )
    fix = _sysctl(key, _LEAST_INSTANCES * 8, proc)
    return Check("inotify instances", "warning", detail, hint, fix)


def _is_full(used: int | None, limit: int) -> bool:
    return used is not None and used > limit * _FULL


def _least(what: str, proc: Path) -> tuple[str, int]:
    """Return the limit that counts, with its name: the lower of two."""
    found = []
    for key, (directory, name) in _LIMITS.items():
        file = proc / "sys" / directory / name
        if key.endswith(what) and file.exists():
            found.append((int(file.read_text()), key))
    limit, key = min(found, default=(1 << 30, "the kernel"))
    return key, limit


def _sysctl(key: str, value: int, proc: Path) -> Fix:
    def act() -> None:
        (proc / "sys" / "/".join(key.split("."))).write_text(f"{value}\n")
        if proc == PROC:
            kept = Path("/etc/sysctl.d") / f"90-expokeep-{key}.conf"
            kept.write_text(f"# by `expokeep doctor --fix`\n{key} = {value}\n")

    return Fix(f"sysctl -w {key}={value}, also in /etc/sysctl.d", act)
