"""Callers of the kinds that the kernel tells apart: real users, in real groups."""

import grp
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from daemons import Daemon

OWNER, STRANGER, MEMBER = 54_001, 54_002, 54_003
"""Uids that nobody has."""
NO_GROUP = 54_000
GROUP = next(
    name
    for name in ("games", "users", "mail")
    if name in {g.gr_name for g in grp.getgrall()}
)
GROUP_ID = grp.getgrnam(GROUP).gr_gid

SETTINGS = f"""\
debounce: {{quiet: 200ms, max-wait: 1s, deletion-grace: 1s}}
shutdown: {{flush-timeout: 1s}}
socket: {{group: {GROUP}}}
"""
"""Of a daemon that knows operators by that group."""


@dataclass(frozen=True)
class Who:
    """Somebody, as the kernel knows people."""

    uid: int
    gid: int = NO_GROUP
    groups: tuple[int, ...] = ()

    def words(self) -> list[str]:
        """Return what makes a command this caller's.

        The one capability is there to read Python, which root may have for itself.
        """
        if self.uid == 0:
            return []
        groups = ",".join(map(str, self.groups))
        return [
            *("setpriv", f"--reuid={self.uid}", f"--regid={self.gid}"),
            f"--groups={groups}" if groups else "--clear-groups",
            *("--no-new-privs", "--inh-caps=-all,+dac_read_search"),
            "--ambient-caps=-all,+dac_read_search",
        ]

    def asks(self, path: Path, asked: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Return the answers to requests of this caller's."""
        program = Path(__file__).with_name("asking_raw.py")
        done = subprocess.run(
            [*self.words(), sys.executable, str(program), str(path)],
            input=json.dumps(asked),
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        answers: list[dict[str, Any]] = json.loads(done.stdout)
        return answers


CALLERS = {
    "root": Who(0),
    "member": Who(MEMBER, GROUP_ID),
    "supplementary member": Who(MEMBER, NO_GROUP, (NO_GROUP, GROUP_ID)),
    "owner": Who(OWNER),
    "stranger": Who(STRANGER),
}
OPERATORS = ("root", "member", "supplementary member")


def session_of(daemon: Daemon, uid: int) -> str:
    """Make a session of a user in one step, and wait for its first version."""
    sid, place = daemon.site.session("of")
    made = daemon.site.top / f"made-{sid}"
    made.mkdir()
    (made / "App.js").write_text(f"of {sid}")
    for one in (made, made / "App.js"):
        os.chown(one, uid, uid)
    made.rename(place)
    daemon.await_versions(sid, 1)
    return sid
