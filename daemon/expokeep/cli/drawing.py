"""A screen that renews itself: how all sessions stand, as much as fits."""

import contextlib
from collections.abc import Callable, Iterator

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from expokeep import clock
from expokeep.cli import text
from expokeep.cli.standing import HEADERS, rows_of, summary
from expokeep.history.documents import Status

_FRAME_LINES = 3
"""A line above, the headers, and how many more there are."""
_COLOURS = {"idle": "green", "dirty": "yellow", "paused": "magenta", "ended": "dim"}


@contextlib.contextmanager
def screen() -> Iterator[Callable[[Status], None]]:
    """Take the terminal while the caller is inside; yield what draws a status."""
    console = Console(highlight=False, markup=False)
    with Live(console=console, screen=True, auto_refresh=False) as live:
        yield lambda found: live.update(drawn(found, console.height), refresh=True)


def drawn(found: Status, height: int) -> Group:
    """Return a status as it is drawn on so many lines."""
    words = [*summary(found), "", text.moment(clock.now())]
    rows = rows_of(found)
    most = max(1, height - len(words) - _FRAME_LINES)
    table = Table(box=None, expand=True, pad_edge=False)
    for header in HEADERS:
        # Ids are there to be copied: the note gives way.
        table.add_column(header, no_wrap=True, ratio=1 if header == "NOTE" else None)
    for row in rows[:most]:
        style = _COLOURS.get(row[1], "")
        table.add_row(*(Text(cell) for cell in row), style=style)
    more = [Text(f"and {len(rows) - most} more")] if len(rows) > most else []
    return Group(*(Text(line) for line in words), table, *more)
