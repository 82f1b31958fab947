"""How values look to a person: times, paths, words."""

import datetime
import re
from typing import TYPE_CHECKING

from expokeep.model.names import for_terminal, from_text

if TYPE_CHECKING:
    from expokeep.model.documents import HeldDocument

_LAYOUT = re.compile(r"([\t\n])")


def moment(at: datetime.datetime | None) -> str:
    """Return a time in the caller's zone, with its offset."""
    if at is None:
        return "-"
    return at.astimezone().isoformat(sep=" ", timespec="seconds")


def age(at: datetime.datetime | None, now: datetime.datetime) -> str:
    """Return how long ago something was.

    >>> noon = datetime.datetime(2026, 11, 24, 12, tzinfo=datetime.UTC)
    >>> age(noon - datetime.timedelta(minutes=90), noon)
    '1h30m'
    """
    if at is None:
        return "-"
    seconds = max(0, int((now - at).total_seconds()))
    days, rest = divmod(seconds, 86_400)
    hours, rest = divmod(rest, 3600)
    minutes, seconds = divmod(rest, 60)
    if days:
        return f"{days}d{hours:02}h"
    if hours:
        return f"{hours}h{minutes:02}m"
    return f"{minutes}m{seconds:02}s" if minutes else f"{seconds}s"


def count(number: int, one: str, many: str | None = None) -> str:
    """Return so many things, in the right number.

    >>> count(1, "session"), count(0, "session"), count(2, "directory", "directories")
    ('1 session', '0 sessions', '2 directories')
    """
    return f"{number} {one if number == 1 else many or f'{one}s'}"


def held(one: "HeldDocument") -> str:
    """Return what another host holds, in plain words."""
    lease = "alive" if one.is_alive else "not heard of lately"
    snapshots = count(one.snapshots, "unrecorded version")
    return (
        f"host {safe(one.host)} ({lease}) holds {snapshots} of this session "
        f"since {moment(one.since)}"
    )


def path(name: str) -> str:
    """Return a path of a document so that it cannot harm a terminal."""
    return for_terminal(from_text(name))


def patch(text: str) -> str:
    r"""Return a patch so that what it shows cannot harm a terminal.

    >>> patch("+\ta\x1b[31m\n-b\\\n")
    '+\ta\\x1b[31m\n-b\\\n'
    """
    return "".join(
        part if part in "\t\n" else for_terminal(part.encode()).replace("\\\\", "\\")
        for part in _LAYOUT.split(text)
    )


def safe(words: str | None) -> str:
    r"""Return a person's words on one line, so that they cannot harm a terminal.

    >>> safe("first\n  second \x1b[31m"), safe("a\\b")
    ('first second \\x1b[31m', 'a\\b')
    """
    line = " ".join((words or "").split())
    escaped = for_terminal(line.encode(errors="surrogateescape"))
    return escaped.replace("\\\\", "\\")
