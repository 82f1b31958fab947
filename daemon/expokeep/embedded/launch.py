"""The last steps before a child becomes a server; run as a script, never imported.

A program of its own because these steps must happen *after* the fork and *before* the
server: between the two, Python with threads may safely do nothing but exec. It is run
with `-I -S`, so it may use nothing but the standard library.

    launch.py PARENT WHEN_ORPHANED RECORD UID GID DIRECTORY PROGRAM ARGUMENT...

`WHEN_ORPHANED` is the signal to get when `PARENT` (a pid) dies, or 0 for none.
`RECORD` is an open descriptor that takes the child's own line of `/proc`, with its pid
and its start time. As the child writes it, it is there even if the parent is killed in
this very moment.
"""

import contextlib
import ctypes
import os
import signal
import sys
from pathlib import Path

_PR_SET_PDEATHSIG = 1


def main() -> None:
    """Become the program that the arguments name."""
    parent, when_orphaned, record_fd, uid, gid = map(int, sys.argv[1:6])
    directory, command = sys.argv[6], sys.argv[7:]
    # A daemon blocks the signals that it waits for; a server that inherits the mask
    # would never hear that it should stop.
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    # Opened while we still may: a program in the home of root is out of reach for the
    # user that it will run as, its descriptor is not.
    program_fd = os.open(command[0], os.O_RDONLY)
    os.chdir(directory)
    os.umask(0o077)
    if uid != os.geteuid():
        os.setgroups([])
        os.setgid(gid)
        os.setuid(uid)
    if when_orphaned:  # after the change of user, which would take the wish back
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, when_orphaned)
        if os.getppid() != parent:
            sys.exit("the parent died first")
    with os.fdopen(record_fd, "w", encoding="utf-8") as record:
        record.write(Path("/proc/self/stat").read_text(encoding="utf-8"))
    # By path where that works, as only then `ps` and `top` know the program's name.
    with contextlib.suppress(PermissionError):
        os.execv(command[0], command)  # noqa: S606 - there is no shell to want
    os.execve(program_fd, command, os.environ)  # noqa: S606 - the same


if __name__ == "__main__":
    main()
