"""The last steps before a child becomes a server; run as a script, never imported.

A program of its own because these steps must happen *after* the fork and *before* the
server: between the two, Python with threads may safely do nothing but exec. It is run
with `-I -S`, so it may use nothing but the standard library.

    launch.py RECORD UID GID DIRECTORY PROGRAM ARGUMENT...

`RECORD` is an open descriptor that takes the child's own line of `/proc`, with its pid
and its start time. As the child writes it, it is there even if the parent is killed in
this very moment.
"""

import contextlib
import os
import signal
import sys
from pathlib import Path


def main(
    record_fd: int, uid: int, gid: int, directory: str, command: list[str]
) -> None:
    """Become the program that `command` names, as `uid` and in `directory`."""
    # A daemon blocks the signals that it waits for; a server that inherits the mask
    # would never hear that it should stop.
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    # Opened while we still may: a program in the home of root is out of reach for the
    # user that it will run as, its descriptor is not. (By path where that works, as
    # only then `ps` and `top` know the program's name.)
    program_fd = os.open(command[0], os.O_RDONLY)
    os.chdir(directory)
    os.umask(0o077)
    if uid != os.geteuid():
        os.setgroups([])
        os.setgid(gid)
        os.setuid(uid)
    with os.fdopen(record_fd, "w", encoding="utf-8") as record:
        record.write(Path("/proc/self/stat").read_text(encoding="utf-8"))
    with contextlib.suppress(PermissionError):
        os.execv(command[0], command)  # noqa: S606 - there is no shell to want
    os.execve(program_fd, command, os.environ)  # noqa: S606 - the same


if __name__ == "__main__":
    record, user, group = map(int, sys.argv[1:4])
    main(record, user, group, sys.argv[4], sys.argv[5:])
