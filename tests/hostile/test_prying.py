"""A neighbour that runs as the daemon's own user, and looks into its process."""

import os
import re
from pathlib import Path

from daemons import as_nobody, daemon_on, run

PRYING = """
import os, sys, socket
pid = sys.argv[1]
for name in ("environ", "mem", "maps", "auxv", "io", "stack", "syscall"):
    try:
        with open(f"/proc/{pid}/{name}", "rb") as file:
            file.read(1)
        print("could read", name)
    except OSError:
        pass
for name in ("fd", "fdinfo", "map_files"):
    try:
        names = os.listdir(f"/proc/{pid}/{name}")
        print("could list", name, names)
    except OSError:
        pass
import ctypes
libc = ctypes.CDLL(None)
if libc.ptrace(16, int(pid), 0, 0) == 0:
    print("could trace it")
print("tried as", os.geteuid())
"""


def test_a_process_of_the_same_user_cannot_look_into_the_daemon(prepare_site):
    with (
        prepare_site() as site,
        daemon_on(site, before=as_nobody()) as daemon,
    ):
        daemon.start()
        without_rights = [word for word in as_nobody() if "=-all,+" not in word]
        tried = run(
            [*without_rights, "/usr/bin/python3", "-I", "-c", PRYING, str(daemon.pid)]
        )
        # Nor one with the daemon's capability, who may list what a mode forbids.
        alike = run(
            [*as_nobody(), "/usr/bin/python3", "-I", "-c", PRYING, str(daemon.pid)]
        )
        limits = Path(f"/proc/{daemon.pid}/limits").read_text()

        uid = os.geteuid() or 65534
        assert tried.stdout == f"tried as {uid}\n", tried.stderr
        assert alike.stdout.endswith(f"tried as {uid}\n"), alike.stderr
        assert not re.search("could (read|trace)", alike.stdout), alike.stdout
        assert re.search(r"Max core file size +0 +0 ", limits)
        assert daemon.stop() == 0, daemon.story
