"""`expokeep exec`."""

import os
import signal
import sys
from dataclasses import replace
from pathlib import Path
from typing import NoReturn

import click

from expokeep.cli.after_restore import after_restore_options, follow, following
from expokeep.cli.bringing import Bringing, bring
from expokeep.cli.brought import print_brought, print_warnings
from expokeep.cli.kinds import SESSION, TARGET, VERSION
from expokeep.cli.options import direct_option, options_of, verb
from expokeep.errors import ExpokeepError, TargetExists


@verb("exec")
@direct_option
@click.argument("session", type=SESSION, metavar="SID")
@click.option(
    "--version",
    type=VERSION,
    metavar="VERSION",
    help="Which one, if not the newest: SID@17, or 17 alone.",
)
@click.option(
    "--to",
    "target",
    type=TARGET,
    metavar="DIR",
    help="Where to; the session's own directory if not given.",
)
@click.option("--force", is_flag=True, help="Take it from a host that is alive, too.")
@after_restore_options
@click.argument("words", nargs=-1, required=True, metavar="-- COMMAND [ARG]...")
@click.pass_context
def command(
    ctx: click.Context,
    /,
    session: str,
    version: str | None,
    target: Path | None,
    words: tuple[str, ...],
    **choices: object,
) -> None:
    """Restore a session if it is missing, then run a command in it.

    A directory that is in use is left as it is; with --to this needs no daemon. COMMAND
    is never started after a restore that failed; it takes the place of this process,
    so its pid and its exit code are those that the caller sees. Exit 10: nothing was
    ever kept; create the project. Exit 4: another user has made the directory.

    What hooks.after-restore names, such as `npm ci`, runs in what was restored before
    COMMAND. If it fails, COMMAND is not started (exit 3); the next exec runs it first.

    \b
    Examples:
      expokeep exec shop-42 --to /tmp/expo-shop-42 -- npx expo start --lan
      expokeep exec shop-42 --version 17 --to /tmp/look -- ls -l
    """
    # Stdout is the command's own, from the first byte.
    options = replace(options_of(ctx), as_json=False)
    wish = Bringing(
        _version(session, version),
        target,
        existing="keep",
        is_exact=True,
        force=bool(choices["force"]),
    )
    brought = bring(options, wish)
    if not options.quiet and sys.stderr.isatty():
        print_brought(options, brought, dry_run=False, err=True)
    else:
        print_warnings(options, brought)
    follow(options, brought, following(choices))
    _become(brought.target, words)


def _version(session: str, version: str | None) -> str:
    """Return the VERSION that is meant: one of this session, however it is written."""
    if version is None:
        return session
    named, separator, selector = version.rpartition("@")
    if named not in ("", session):
        raise click.BadParameter(
            f"it is a version of {named}, not of {session}", param_hint="'--version'"
        )
    if not separator and version == session:
        return session
    return f"{session}@{selector}"


def _require_own(directory: Path) -> None:
    """Refuse to run anything in what another user has put in the session's place.

    Raises:
        TargetExists: the directory that we are in is neither the caller's nor root's.
    """
    owner = Path().stat().st_uid
    if os.geteuid() not in (0, owner) and owner != 0:
        error = TargetExists(f"{directory} is of another user, uid {owner}")
        error.hint = "Nothing was run: its code would run as you. Have it removed."
        raise error


def _become(directory: Path, words: tuple[str, ...]) -> NoReturn:
    try:
        os.chdir(directory)
    except OSError as error:
        raise ExpokeepError(f"cannot enter {directory}: {error.strerror}") from error
    _require_own(directory)
    # Python ignores these two, and who is ignored stays so in what is run.
    for number in (signal.SIGPIPE, signal.SIGXFSZ):
        signal.signal(number, signal.SIG_DFL)
    sys.stdout.flush()
    try:
        os.execvp(words[0], words)  # noqa: S606 - to become this command is the purpose
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        failure = ExpokeepError(f"cannot run {words[0]!r}: {reason}")
        failure.hint = "Is it installed, executable, and found by PATH?"
        raise failure from error
