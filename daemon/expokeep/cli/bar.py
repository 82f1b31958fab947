"""A progress bar on a terminal, and silence everywhere else."""

import contextlib
import sys
from collections.abc import Callable, Iterator

from expokeep.cli.options import Options

Advance = Callable[[int, int], None]
"""Called with bytes done and bytes to do."""


@contextlib.contextmanager
def bar(options: Options, what: str) -> Iterator[Advance]:
    """Draw a bar on stderr while the caller is inside."""
    silent = options.quiet or options.as_json or not options.progress
    if silent or not sys.stderr.isatty():
        yield lambda _done, _total: None
        return
    from rich.console import Console  # noqa: PLC0415 - 60 ms that a pipe does not need
    from rich.progress import (  # noqa: PLC0415
        BarColumn,
        DownloadColumn,
        Progress,
        TextColumn,
        TransferSpeedColumn,
    )

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(binary_units=True),
        TransferSpeedColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as drawn:
        task = drawn.add_task(what, total=None)

        def advance(done_bytes: int, total_bytes: int) -> None:
            drawn.update(task, completed=done_bytes, total=total_bytes or None)

        yield advance
