"""The command `expokeep`: finds the verb, and turns failures into messages and codes.

Made to start in a blink: a verb's module is imported when it is called, and this one
imports nothing but click.
"""

import importlib
import json
import os
import signal
import sys
from collections.abc import Sequence

import click

import expokeep
from expokeep.cli.options import CONTEXT, Options, global_options
from expokeep.errors import ExpokeepError

INTERRUPTED = 130

VERBS = {
    "status": "Show whether every session is safe, and what is not.",
    "info": "Show which daemon answers, and what it watches.",
    "sessions": "List the sessions that are kept.",
    "save": "Keep a session now, and wait until it is durable.",
    "log": "List the versions of a session.",
    "show": "Show one version in full, and what it changed.",
    "ls": "List the files of a version.",
    "cat": "Print a file as it was in a version.",
    "find": "Find a path in all that was ever kept.",
    "diff": "Compare two versions.",
    "restore": "Bring a version back to disk.",
    "exec": "Restore a session if it is missing, then run a command in it.",
    "pause": "Hold uploads back; captures go on into the spool.",
    "resume": "End a pause.",
    "flush": "Keep and upload now what has changed.",
    "db": "Look after the schema in Postgres.",
    "config": "Show and check the configuration.",
    "doctor": "Look for what is known to go wrong, and say how to mend it.",
    "completion": "Print the completion script for a shell.",
}
"""Each verb and the first line of its help, so that `--help` imports none of them."""


class LazyGroup(click.Group):
    """A group whose commands are imported when they are needed."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the verbs, in the order in which a newcomer meets them."""
        del ctx
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return a verb."""
        del ctx
        if cmd_name not in VERBS:
            return None
        module = importlib.import_module(f"expokeep.cli.verbs.{cmd_name}")
        command: click.Command = module.command
        return command

    def format_commands(
        self, ctx: click.Context, formatter: click.HelpFormatter
    ) -> None:
        """Write the list of verbs."""
        del ctx
        with formatter.section("Commands"):
            formatter.write_dl(list(VERBS.items()))


@click.command(
    cls=LazyGroup,
    context_settings=CONTEXT,
)
@global_options
@click.version_option(expokeep.__version__, prog_name="expokeep")
@click.pass_context
def cli(ctx: click.Context) -> None:
    """Operate expokeep: see what is kept, save, compare, and bring it back.

    \b
    A VERSION is written as
      SID                    the newest version of a session
      SID@17                 version 17
      SID@-1                 one before the newest
      SID@2026-11-24T10:00   as it was then (your time)
      SID@15m                as it was 15 minutes ago
    and SID may be any beginning of an id that fits only one session.

    \b
    Examples:
      expokeep status
      expokeep log shop-42
      expokeep diff shop-42@-1 shop-42 --patch
      expokeep restore shop-42@15m --to /tmp/look
    """
    ctx.ensure_object(Options)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line; never returns."""
    # SIGTERM ends a restore as Ctrl-C does: by unwinding, which removes what is staged.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    options = Options()
    try:
        code = cli.main(arguments, obj=options, standalone_mode=False)
        sys.exit(code if isinstance(code, int) else 0)
    except click.exceptions.Abort:
        sys.exit(INTERRUPTED)
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except ExpokeepError as error:
        _tell(error, options)
        sys.exit(error.exit_code)
    except BrokenPipeError:
        # The reader has had enough (`| head`); the rest goes nowhere, quietly.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)


def _tell(error: ExpokeepError, options: Options) -> None:
    if options.as_json:
        document = {
            "message_type": "error",
            "error": str(error),
            "hint": error.hint,
            "exit_code": error.exit_code,
        }
        click.echo(json.dumps(document), err=True)
        return
    click.echo(f"expokeep: error: {error}", err=True)
    if error.hint:
        click.echo(f"hint: {error.hint}", err=True)
