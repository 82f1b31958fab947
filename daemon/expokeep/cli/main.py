"""The command `expokeep`: finds the verb, and turns failures into messages and codes.

Made to start in a blink: a verb's module is imported when it is called, and this one
imports nothing but click.
"""

import contextlib
import errno
import importlib
import io
import os
import signal
import sys
from collections.abc import Sequence
from types import FrameType
from typing import TYPE_CHECKING, NoReturn

import click

import expokeep
from expokeep import journal
from expokeep.cli.options import CONTEXT, Options, direct_option, global_options
from expokeep.errors import ExpokeepError, NoSpace, UsageError

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

INTERRUPTED = 130
STOP = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

VERBS = {
    "status": "Show whether every session is safe, and what is not.",
    "top": "Watch all sessions, those that matter most on top.",
    "info": "Show which daemon answers, and what it watches.",
    "events": "Show what happened lately, and follow what happens.",
    "sessions": "List the sessions that are kept.",
    "list": "List builds as their owners see them: the one used last first.",
    "save": "Keep a session now, and wait until it is durable.",
    "log": "List the versions of a session.",
    "show": "Show one version in full, and what it changed.",
    "ls": "List the files of a version.",
    "cat": "Print a file as it was in a version.",
    "find": "Find a path, or contents, in all that was ever kept.",
    "diff": "Compare two versions.",
    "blame": "Show which version brought each line of a file.",
    "restore": "Bring a version back to disk.",
    "exec": "Restore a session if it is missing, then run a command in it.",
    "export": "Write a version as an archive, a directory, or a history for git.",
    "import": "Begin a session with an archive or with a git repository.",
    "plan": "Make a link to a version that works for a while.",
    "publish": "Show a version to everybody.",
    "revert": "Go back to an older version, as a whole or only some paths of it.",
    "accept": "Make a version the newest that did not become it by itself.",
    "fork": "Begin a new session with a version of another one.",
    "template": "Keep versions that new sessions begin with.",
    "label": "Give a version a name.",
    "pin": "Keep a version for ever.",
    "unpin": "Let a version be forgotten by rule.",
    "share": "Lend versions to others, and import what others lend.",
    "forget": "Forget versions by rule: of one session, or of all.",
    "delete": "Delete a session with all its versions.",
    "undelete": "Bring a deleted session back, with all its versions.",
    "gc": "Free what is not kept any more, now.",
    "pause": "Hold uploads back; captures go on into the spool.",
    "resume": "End a pause.",
    "flush": "Keep and upload now what has changed.",
    "drain": "Record everything and let other hosts take over: before maintenance.",
    "reload": "Let the daemon read its configuration again.",
    "check": "Look for damage in what is kept, and say what to do about it.",
    "repair": "Mend what a check has found, without losing anything.",
    "drill": "Prove that versions restore: from the bucket alone, then thrown away.",
    "rebuild": "Make the catalog in Postgres anew of what the bucket holds.",
    "audit": "Show who destroyed something or changed rights, and how that ended.",
    "quota": "Show and set how much users may have.",
    "stats": "Show how much is kept, and how little it takes.",
    "cost": "Show what the bucket costs in a month.",
    "db": "Look after the schema in Postgres.",
    "config": "Show and check the configuration.",
    "webhooks": "See who is told what happens, and whether they take it.",
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

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Return the verb that is called, or guess which one was meant."""
        try:
            return super().resolve_command(ctx, args)
        except click.NoSuchCommand as error:
            name = error.command_name
            raise click.NoSuchCommand(name, possibilities=VERBS, ctx=ctx) from None

    def shell_complete(
        self, ctx: click.Context, incomplete: str
    ) -> "list[CompletionItem]":
        """Return the verbs that begin so, importing none of them."""
        from click.shell_completion import CompletionItem  # noqa: PLC0415 - only on TAB

        options = (
            [] if incomplete.isalpha() else super().shell_complete(ctx, incomplete)
        )
        return options or [
            CompletionItem(name, help=line)
            for name, line in VERBS.items()
            if name.startswith(incomplete)
        ]

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
@direct_option
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
      SID@good               the newest that is not parked
      SID@label:NAME         the one that was given this name
    and SID may be any beginning of an id that fits only one session.

    \b
    Examples:
      expokeep status
      expokeep log shop-42
      expokeep diff shop-42@-1 shop-42 --patch
      expokeep restore shop-42@15m --to /tmp/look
    """
    ctx.ensure_object(Options)


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command line; never returns."""
    _prepare()
    words = sys.argv[1:] if arguments is None else list(arguments)
    options = Options()
    try:
        code = cli.main(words, "expokeep", obj=options, standalone_mode=False)
        sys.exit(code if isinstance(code, int) else 0)
    except (click.exceptions.Abort, KeyboardInterrupt):
        sys.exit(INTERRUPTED)
    except click.ClickException as error:
        _refuse(error, as_json=options.as_json or _says_json(words))
    except ExpokeepError as error:
        _tell(error, as_json=options.as_json)
    except OSError as error:
        # Where it means something it has a better name already: this is our output.
        _let_go_of_output()
        if error.errno == errno.EPIPE:
            sys.exit(1)  # whoever read it has seen enough, and is told nothing
        kind = NoSpace if error.errno == errno.ENOSPC else ExpokeepError
        _tell(kind(f"cannot go on: {error}"), as_json=options.as_json)


def _prepare() -> None:
    # All three end a restore by unwinding, which removes what is staged. What is
    # ignored, as the last one is under `nohup`, stays so.
    for number in STOP:
        if signal.getsignal(number) in (signal.SIG_DFL, signal.default_int_handler):
            signal.signal(number, _interrupt)
    if sys.stdout is None:  # closed by our caller: what we say goes nowhere
        sys.stdout = io.TextIOWrapper(io.FileIO(os.devnull, "w"))
    # A name that the terminal's letters do not have must not end what we do.
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _interrupt(_number: int, _frame: FrameType | None) -> NoReturn:
    """Begin to unwind, once: who presses Ctrl-C again must not stop the tidying up."""
    for number in STOP:
        signal.signal(number, signal.SIG_IGN)
    raise KeyboardInterrupt


def _let_go_of_output() -> None:
    """Let what nobody takes go nowhere, or Python tries it again at the end."""
    with contextlib.suppress(OSError):
        sys.stdout.flush()
        return
    with contextlib.suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)


def _says_json(words: Sequence[str]) -> bool:
    """Return whether `--json` is there, for errors that end the reading of options."""
    own = words[: words.index("--")] if "--" in words else words
    return "--json" in own


def _refuse(error: click.ClickException, *, as_json: bool) -> NoReturn:
    """Say why these words mean nothing."""
    if not as_json:
        error.show()
        sys.exit(error.exit_code)
    context = error.ctx if isinstance(error, click.UsageError) else None
    where = context.command_path if context else "expokeep"
    refusal = UsageError(error.format_message())
    refusal.hint = f"Try `{where} --help`."
    _tell(refusal, as_json=True)


def _tell(error: ExpokeepError, *, as_json: bool) -> NoReturn:
    if as_json:
        import json  # noqa: PLC0415 - 7 ms that `--version` does not need

        document = {
            "message_type": "error",
            "error": str(error),
            "hint": error.hint,
            "exit_code": error.exit_code,
        }
        click.echo(json.dumps(document, separators=(",", ":")), err=True)
    else:
        from expokeep.cli import text  # noqa: PLC0415 - as json

        # Both may come from whoever answers on the socket, or quote a bucket.
        words = f"expokeep: error: {text.patch(str(error))}"
        if error.hint:
            words += f"\nhint: {text.patch(error.hint)}"
        # To the journal if it goes there, as that of the unit that restores does.
        click.echo(journal.for_stderr(words, "error"), err=True)
    sys.exit(error.exit_code)
