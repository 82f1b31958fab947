"""`expokeep drain`."""

import click
import msgspec

from expokeep.cli import text
from expokeep.cli.asking import client
from expokeep.cli.options import options_of, verb
from expokeep.cli.printing import as_json
from expokeep.cli.remote import decode
from expokeep.errors import Partial, TimedOut
from expokeep.history.operating import Drained

WAIT_S = 120.0
_MORE_S = 60.0


@verb("drain")
@click.pass_context
def command(ctx: click.Context) -> None:
    """Record everything and let other hosts take over: before maintenance.

    Waits up to --timeout (120s). Then nothing is uploaded from this host any more: what
    changes is captured into the spool, and `expokeep resume --all` (or a restart) ends
    it. If something could not be recorded, nothing is given away: exit 124 if the time
    ran out, 3 if no waiting would mend it.

    \b
    Examples:
      expokeep drain --timeout 5m && systemctl stop expokeepd
      expokeep resume --all
    """
    options = options_of(ctx)
    timeout_s = WAIT_S if options.timeout_s is None else options.timeout_s
    options.timeout_s = timeout_s + _MORE_S  # the daemon ends the wait, not we
    body, found = {"timeout_s": timeout_s}, None
    for line in client(options).lines("POST", "/v1/drain", body):
        if options.as_json:
            as_json(line)
        elif line["message_type"] == "progress" and not options.quiet:
            click.echo(line["phase"], err=True)
        if line["message_type"] == "drained":
            found = decode(msgspec.json.encode(line), Drained)
    if found is None:
        raise Partial("the daemon did not say how it ended; see `expokeep status`")
    if not found.done:
        raise _not_done(found, timeout_s)
    if not (options.as_json or options.quiet):
        sessions = text.count(found.released, "session")
        click.echo(f"all is recorded; other hosts may take over {sessions}")


def _not_done(found: Drained, timeout_s: float) -> TimedOut | Partial:
    left = (
        f"{text.count(found.unsaved, 'session')} not captured and "
        f"{text.count(found.pending, 'snapshot')} not recorded"
    )
    if not found.errors:
        error: TimedOut | Partial = TimedOut(f"{left} after {timeout_s:g} s")
        error.hint = "Nothing is given away. Try again with a longer --timeout."
        return error
    error = Partial(f"{left}: {text.safe(found.errors[0])}")
    error.hint = "Nothing is given away. `expokeep status` shows each session's error."
    return error
