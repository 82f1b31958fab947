"""What a machine does around a daemon: ageing of /tmp, the group, other daemons."""

import contextlib
import fnmatch
import grp
import os
import pwd
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from expokeep.doctor.values import Check, Fix, Setup
from expokeep.settings.places import SOCKET_NAME

ROOT = Path("/")
_TMPFILES = ("etc", "run", "usr/local/lib", "usr/lib")
"""Where tmpfiles.d is; a file hides those of its name in later ones."""
_AGEING = frozenset("dDveqQC")
"""Types of lines whose age counts."""
_EXCEPTING = frozenset("xX")
_PLAIN = re.compile(r"x /[\w./*?@+=:,\[\]-]+", re.ASCII)
"""A line that says one thing. What is watched is said by the daemon, and whoever has
come into its place could have root write other lines as well."""
_LISTENS = "00010000"
_MOST_SOCKETS = 32
DAEMON = "expokeep"
"""The daemon's own user, whose group it is: that gives nobody a right."""


@dataclass(frozen=True, slots=True)
class _Line:
    """One line of tmpfiles.d."""

    kind: str
    path: str
    age: str

    @property
    def ages(self) -> bool:
        return self.kind in _AGEING and self.age not in ("", "-", "0")


def tmpfiles(setup: Setup, root: Path = ROOT) -> Iterator[Check]:
    """Look whether systemd removes what lies in sessions and was not used lately."""
    lines = list(_tmpfiles_lines(root))
    for directory, pattern in setup.watch:
        line = _ageing(str(directory), lines)
        if line is None:
            yield Check("tmpfiles", "ok", f"nothing in {directory} is removed by age")
        elif _is_excepted(f"{directory}/{pattern}", lines):
            yield Check("tmpfiles", "ok", f"{directory}/{pattern} is left alone")
        else:
            rule = f"x {directory}/{pattern}"
            file = root / "etc/tmpfiles.d/expokeep-sessions.conf"
            detail = f"files in {directory} are removed after {line.age}, in sessions "
            yield Check(
                "tmpfiles",
                "error",
                f"{detail}too",
                f"Put the line `{rule}` into /etc/tmpfiles.d/expokeep-sessions.conf.",
                Fix(f"write `{rule}` into {file}", _adding(file, rule))
                if _PLAIN.fullmatch(rule)
                else None,
            )


def socket_group(setup: Setup) -> Iterator[Check]:
    """Look whether anybody but root may do what an operator may."""
    name = "socket group"
    try:
        group = grp.getgrnam(setup.group)
    except KeyError:
        hint = (
            f"`groupadd --system {setup.group}`, then `usermod -aG {setup.group} USER` "
            "for the web application's user; or set socket.group."
        )
        detail = f"there is no group {setup.group}: only root and the daemon may all"
        yield Check(name, "warning", detail, hint)
        return
    members = {
        *group.gr_mem,
        *(user.pw_name for user in pwd.getpwall() if user.pw_gid == group.gr_gid),
    } - {DAEMON}
    if members:
        yield Check(name, "ok", f"{setup.group}: {', '.join(sorted(members)[:10])}")
    else:
        hint = f"`usermod -aG {setup.group} USER` for the web application's user."
        detail = f"nobody is in the group {setup.group}"
        yield Check(name, "warning", detail, hint)


def listening(setup: Setup, proc: Path = Path("/proc")) -> Iterator[Path]:
    """Yield control sockets on which root, the daemon's user or we listen here.

    Anybody may give a socket that name, and let who asks it wait.
    """
    trusted = {0, os.geteuid()}
    with contextlib.suppress(OSError):
        trusted.add(setup.state_dir.stat().st_uid)
    found: set[Path] = set()
    with (proc / "net/unix").open(errors="surrogateescape") as lines:
        for line in lines:
            words = line.rstrip("\n").split(maxsplit=7)
            if len(words) < 8 or words[3] != _LISTENS or Path(words[7]) in found:
                continue
            path = Path(words[7])
            with contextlib.suppress(OSError, ValueError):
                if path.name == SOCKET_NAME and path.stat().st_uid in trusted:
                    found.add(path)
    yield from sorted(found)[:_MOST_SOCKETS]


def others(setup: Setup, told: Sequence[tuple[int, Sequence[str]]]) -> Iterator[Check]:
    """Look whether another daemon keeps the same directories.

    `told` is what those who listen here say of themselves: pid, and what they watch.
    """
    ours = {str(directory / pattern) for directory, pattern in setup.watch}
    rivals = [
        str(pid) for pid, watch in told if pid != setup.pid and ours.intersection(watch)
    ]
    # Where no daemon was asked, one alone is the one that it is all about.
    if len(rivals) > (setup.pid is None):
        detail = f"{', '.join(ours)} is kept by process {', '.join(rivals)} as well"
        hint = "Stop one of them: both record each change, and take heads in turns."
        yield Check("second daemon", "error", detail, hint)
    else:
        yield Check("second daemon", "ok", "nobody else keeps the same directories")


def _tmpfiles_lines(root: Path) -> Iterator[_Line]:
    names: set[str] = set()
    for place in _TMPFILES:
        for file in sorted((root / place / "tmpfiles.d").glob("*.conf")):
            if file.name in names:
                continue
            names.add(file.name)
            for text in file.read_text(errors="replace").splitlines():
                words = text.split()
                if len(words) > 1 and not text.startswith("#"):
                    age = words[5] if len(words) > 5 else ""
                    yield _Line(words[0].rstrip("+!-=~^$"), words[1], age)


def _ageing(directory: str, lines: Sequence[_Line]) -> _Line | None:
    """Return the nearest line by which what is in a directory is removed by age."""
    covering = [
        line
        for line in lines
        if line.kind in _AGEING
        and f"{directory}/".startswith(f"{line.path.rstrip('/')}/")
    ]
    nearest = max(covering, key=lambda line: len(line.path), default=None)
    return nearest if nearest is not None and nearest.ages else None


def _is_excepted(sessions: str, lines: Sequence[_Line]) -> bool:
    return any(
        line.kind in _EXCEPTING
        and (line.path == sessions or fnmatch.fnmatch(sessions, line.path))
        for line in lines
    )


def _adding(file: Path, line: str) -> Callable[[], None]:
    def act() -> None:
        file.parent.mkdir(parents=True, exist_ok=True)
        before = file.read_text() if file.exists() else ""
        file.write_text(f"{before}{line}\n")

    return act
