"""`expokeep doctor`."""

import click

from expokeep.cli import text
from expokeep.cli.asking import client
from expokeep.cli.options import options_of, verb
from expokeep.cli.printing import as_json
from expokeep.cli.remote import decode
from expokeep.errors import ExpokeepError
from expokeep.history.documents import Doctor

_MARKS = {"ok": "ok     ", "warning": "warning", "error": "ERROR  "}


@verb("doctor")
@click.pass_context
def command(ctx: click.Context) -> None:
    """Look for what is known to go wrong, and say how to mend it.

    Looks at Postgres, the bucket, limits of inotify, directories, disk and clock from
    where the daemon is. Exit 1 if something is wrong.

    \b
    Examples:
      expokeep doctor
      expokeep doctor --json
    """
    options = options_of(ctx)
    found = decode(client(options).get("/v1/doctor"), Doctor)
    if options.as_json:
        as_json(found)
    else:
        for check in found.checks:
            detail = text.safe(check.detail)
            click.echo(f"{_MARKS[check.state]}  {check.name}: {detail}")
            if check.hint:
                click.echo(f"         {text.safe(check.hint)}")
    wrong = [check.name for check in found.checks if check.state == "error"]
    if wrong:
        raise ExpokeepError(f"something is wrong with: {', '.join(wrong)}")
