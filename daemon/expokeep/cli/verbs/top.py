"""`expokeep top`."""

import contextlib
import sys
import threading

import click

from expokeep import clock
from expokeep.cli.asking import client
from expokeep.cli.kinds import DURATION
from expokeep.cli.options import Options, options_of, verb
from expokeep.cli.printing import as_json
from expokeep.cli.remote import decode
from expokeep.cli.standing import shown, summary
from expokeep.history.documents import Status

LEAST_S = 0.1


@verb("top")
@click.option(
    "--interval",
    "interval_s",
    type=DURATION,
    default="2s",
    show_default=True,
    metavar="DUR",
    help="Between two looks.",
)
@click.option("--once", is_flag=True, help="Look once, and end.")
@click.pass_context
def command(ctx: click.Context, interval_s: float, *, once: bool) -> None:
    """Watch all sessions, those that matter most on top.

    On a terminal a table that renews itself, as high as the terminal, until Ctrl-C. In
    a pipe the same table once per look; with --json one `status` document per look.

    \b
    Examples:
      expokeep top
      expokeep top --interval 500ms
      expokeep top --json --once | jq .oldest_unsaved_at
    """
    if interval_s < LEAST_S:
        raise click.UsageError(f"--interval is at least {LEAST_S:g}s")
    options = options_of(ctx)
    if sys.stdout.isatty() and not (options.as_json or once):
        _live(options, interval_s)
        return
    never = threading.Event()
    while True:
        _print(options, _asked(options))
        if once:
            return
        sys.stdout.flush()
        clock.wait(never, interval_s)


def _asked(options: Options) -> Status:
    return decode(client(options).get("/v1/status"), Status)


def _print(options: Options, found: Status) -> None:
    if options.as_json:
        as_json(found)
        return
    for line in summary(found):
        click.echo(line)
    shown(found, len(found.sessions))


def _live(options: Options, interval_s: float) -> None:
    """Draw until somebody presses Ctrl-C."""
    from expokeep.cli.drawing import screen  # noqa: PLC0415 - rich takes 60 ms

    never = threading.Event()
    with contextlib.suppress(KeyboardInterrupt), screen() as show:
        while True:
            show(_asked(options))
            clock.wait(never, interval_s)
