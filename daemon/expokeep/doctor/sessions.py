"""Whether the daemon and the sessions mean the same directories.

A unit with PrivateTmp= has a /tmp of its own: what is written there nobody keeps.
"""

import fnmatch
import os
import re
from collections.abc import Iterator
from pathlib import Path

from expokeep.doctor.mounts import place_of
from expokeep.doctor.values import Check, Setup
from expokeep.model.names import for_terminal

_OF_SESSIONS = re.compile(r"/expo@")
"""In the name of a control group: of a unit that runs a session."""


def daemons_tmp(setup: Setup) -> Iterator[Check]:
    """Look whether the daemon sees the directories that everybody else sees."""
    if setup.pid is None:
        return
    for directory, _ in setup.watch:
        path = directory.resolve()
        theirs, ours = place_of(path, setup.pid), place_of(path)
        if theirs is None or ours is None:
            continue
        if theirs.identity != ours.identity:
            detail = f"to the daemon {directory} is {theirs.path}, another directory"
            hint = (
                "Its unit needs `PrivateTmp=no`, or a `BindReadOnlyPaths=` of "
                f"{directory}: `systemctl edit expokeepd`, then restart it."
            )
            yield Check("daemon's /tmp", "error", detail, hint)
        else:
            yield Check("daemon's /tmp", "ok", f"{directory} is everybody's")


def sessions_tmp(setup: Setup) -> Iterator[Check]:
    """Look for processes of sessions that see another directory than everybody."""
    name, astray = "sessions' /tmp", list(_astray(setup))
    if astray:
        detail = ", ".join(f"process {pid} in {cwd}" for pid, cwd in astray[:5])
        hint = (
            "What they write there is not kept. Their unit needs `PrivateTmp=no`: "
            "`systemctl edit expo@.service`, then restart the sessions."
        )
        yield Check(name, "error", f"a /tmp of their own: {detail}", hint)
    else:
        yield Check(name, "ok", "no process of a session has another /tmp")


def _astray(setup: Setup) -> Iterator[tuple[int, str]]:
    own, our_processes = _namespace("self", "mnt"), _namespace("self", "pid")
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or _namespace(entry.name, "mnt") in (own, None):
            continue
        if _namespace(entry.name, "pid") != our_processes:
            continue  # of a container: another machine, with sessions of its own
        try:
            # As its own mounts have the path.
            cwd = str((entry / "cwd").readlink())
            control_group = (entry / "cgroup").read_text(errors="replace")
        except OSError:
            continue  # it ended, or is none of ours to look at
        is_session = bool(_OF_SESSIONS.search(control_group))
        for directory, pattern in setup.watch:
            inside = fnmatch.fnmatch(cwd, f"{directory}/{pattern}*")
            if (inside or is_session) and _differs(directory, int(entry.name)):
                yield int(entry.name), for_terminal(os.fsencode(cwd))
                break


def _differs(directory: Path, pid: int) -> bool:
    path = directory.resolve()
    theirs, ours = place_of(path, pid), place_of(path)
    return theirs is not None and ours is not None and theirs.identity != ours.identity


def _namespace(pid: str, kind: str) -> str | None:
    try:
        return str(Path(f"/proc/{pid}/ns/{kind}").readlink())
    except OSError:
        return None
