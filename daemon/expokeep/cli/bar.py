"""A progress bar on a terminal, and silence everywhere else."""

import contextlib
import sys
from collections.abc import Callable, Iterator

from expokeep.cli.options import Options
from expokeep.model import size

Advance = Callable[[int, int], None]
"""Called with bytes done and bytes to do."""


@contextlib.contextmanager
def bar(
    options: Options, what: str, shown: Callable[[int], str] = size.shown
) -> Iterator[Advance]:
    """Draw a bar on stderr while the caller is inside; `shown` tells an amount."""
    silent = options.quiet or options.as_json or not options.progress
    if silent or not sys.stderr.isatty():
        yield lambda _done, _total: None
        return
    from rich.console import Console  # noqa: PLC0415 - 60 ms that a pipe does not need
    from rich.progress import BarColumn, Progress, TextColumn  # noqa: PLC0415

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.fields[amount]}"),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as drawn:
        task = drawn.add_task(what, total=None, amount="")

        def advance(done_bytes: int, total_bytes: int) -> None:
            if not total_bytes:
                return
            amount = f"{shown(done_bytes)} of {shown(total_bytes)}"
            drawn.update(task, completed=done_bytes, total=total_bytes, amount=amount)

        yield advance
