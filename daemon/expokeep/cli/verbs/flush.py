"""`expokeep flush`."""

import click
import msgspec

from expokeep.cli import text
from expokeep.cli.asking import client
from expokeep.cli.kinds import SESSION
from expokeep.cli.options import options_of, verb
from expokeep.cli.printing import as_json
from expokeep.cli.remote import decode
from expokeep.errors import Partial, TimedOut
from expokeep.history.documents import Flushed

WAIT_S = 30.0


@verb("flush")
@click.argument("session", type=SESSION, default="", metavar="[SID]")
@click.option("--all", "everything", is_flag=True, help="All sessions.")
@click.option("--wait", is_flag=True, help="Until all is recorded, or --timeout (30s).")
@click.pass_context
def command(ctx: click.Context, session: str, *, everything: bool, wait: bool) -> None:
    """Keep and upload now what has changed.

    Unlike `save` it waits for nobody's word: a deletion is still held back for a while.
    With --wait the exit code is 0 only if nothing is left.

    \b
    Examples:
      expokeep flush --all --wait
      expokeep flush shop-42 --wait --timeout 2m
    """
    options = options_of(ctx)
    if bool(session) == everything:
        raise click.UsageError("name one session, or say --all")
    timeout_s = options.timeout_s or WAIT_S
    body = {"session": session or None, "wait": wait, "timeout_s": timeout_s}
    options.timeout_s = timeout_s + WAIT_S  # the daemon ends the wait, not we
    found: Flushed | None = None
    for line in client(options).lines("POST", "/v1/flush", body, abbreviated=True):
        if options.as_json:
            as_json(line)
        if line["message_type"] == "flushed":
            found = decode(msgspec.json.encode(line), Flushed)
    if found is None:
        raise Partial("the daemon did not say how it ended; see `expokeep status`")
    if found.waited and (found.pending or found.unsaved):
        raise TimedOut(
            f"{text.count(found.unsaved, 'session')} not captured and "
            f"{text.count(found.pending, 'snapshot')} not recorded yet"
        )
    if not options.as_json and not options.quiet:
        click.echo("all is recorded" if found.waited else "under way")
