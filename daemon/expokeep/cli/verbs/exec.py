"""`expokeep exec`."""

import os
import sys
from pathlib import Path

import click

from expokeep.cli.bringing import Bringing, bring, print_result
from expokeep.cli.options import direct_option, options_of, verb
from expokeep.errors import ExpokeepError


@verb("exec")
@direct_option
@click.argument("session", metavar="SID")
@click.option("--version", metavar="VERSION", help="Which one, if not the newest.")
@click.option(
    "--to",
    "target",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Where to; the session's own directory if not given.",
)
@click.argument("words", nargs=-1, required=True, metavar="-- COMMAND [ARG]...")
@click.pass_context
def command(
    ctx: click.Context,
    session: str,
    version: str | None,
    target: Path | None,
    words: tuple[str, ...],
) -> None:
    """Restore a session if it is missing, then run a command in it.

    A directory that is in use is left as it is. COMMAND is never started after a
    restore that failed; it takes the place of this process, so its pid and its exit
    code are those that the caller sees. Exit 10: nothing was ever kept; create the
    project.

    \b
    Examples:
      expokeep exec shop-42 -- npx expo start --port 8081
      expokeep exec shop-42 --to /tmp/expo-shop-42 -- npx expo start --lan
    """
    options = options_of(ctx)
    wish = Bringing(version or session, target, existing="keep")
    result = bring(options, wish)
    if not options.quiet and sys.stderr.isatty():
        print_result(options, result, dry_run=False)
    name, *_ = words
    try:
        os.chdir(result.target)
        sys.stdout.flush()
        os.execvp(name, words)  # noqa: S606 - to become this command is the purpose
    except OSError as error:
        raise ExpokeepError(f"cannot run {name!r}: {error.strerror}") from error
