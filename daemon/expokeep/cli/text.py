"""How values look to a person: sizes, times, tables. On a terminal a little nicer."""

import datetime
import sys
from collections.abc import Sequence

import click

from expokeep.model.names import for_terminal, from_text

_UNITS = ("B", "KB", "MB", "GB", "TB")


def size(count: int) -> str:
    """Return a size in the largest unit that keeps it at least 1, 1024-based.

    >>> size(999), size(1536), size(80_919_356 * 1024)
    ('999 B', '1.5 KB', '77.2 GB')
    """
    amount, unit = float(count), _UNITS[0]
    for unit in _UNITS:
        if amount < 1024 or unit == _UNITS[-1]:
            break
        amount /= 1024
    return f"{amount:.0f} {unit}" if unit == "B" else f"{amount:.1f} {unit}"


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
        return f"{days}d{hours}h"
    if hours:
        return f"{hours}h{minutes:02}m"
    return f"{minutes}m{seconds:02}s" if minutes else f"{seconds}s"


def path(name: str) -> str:
    """Return a path of a document so that it cannot harm a terminal."""
    return for_terminal(from_text(name))


def safe(words: str | None) -> str:
    """Return a person's words so that they cannot harm a terminal."""
    return for_terminal((words or "").encode()).replace("\\\\", "\\")


def table(headers: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a table: with colour on a terminal, plain and aligned in a pipe."""
    if sys.stdout.isatty():
        _rich_table(headers, rows)
        return
    widths = [
        max(len(row[column]) for row in (headers, *rows))
        for column in range(len(headers))
    ]
    for row in (headers, *rows):
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        click.echo("  ".join(cells).rstrip())


def _rich_table(headers: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    from rich.console import Console  # noqa: PLC0415 - 60 ms that a pipe does not need
    from rich.table import Table  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    drawn = Table(box=None, header_style="bold", pad_edge=False)
    for header in headers:
        drawn.add_column(header, overflow="fold")
    for row in rows:
        drawn.add_row(*(Text(cell) for cell in row))
    Console(highlight=False).print(drawn)
