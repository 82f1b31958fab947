"""`expokeep restore`."""

import sys
from collections.abc import Mapping
from pathlib import Path

import click

from expokeep.cli.after_restore import (
    Following,
    after_restore_options,
    follow,
    following,
)
from expokeep.cli.bringing import Bringing, NeverKept, bring
from expokeep.cli.brought import Brought, print_brought, print_nothing
from expokeep.cli.kinds import NAME, TARGET, VERSION
from expokeep.cli.options import Options, direct_option, options_of, verb
from expokeep.restore.plan import Existing


@verb("restore")
@direct_option
@click.argument("version", type=VERSION, metavar="VERSION")
@click.option(
    "--to",
    "target",
    type=TARGET,
    metavar="DIR",
    help="Where to; the session's own directory if not given.",
)
@click.option(
    "--path",
    "globs",
    type=NAME,
    multiple=True,
    metavar="GLOB",
    help="Only this file or directory; may be given several times.",
)
@click.option("--if-missing", is_flag=True, help="Do nothing if the target is in use.")
@click.option("--if-exists", is_flag=True, help="Do nothing if nothing was ever kept.")
@click.option(
    "--swap", is_flag=True, help="Replace the target; keep the old beside it."
)
@click.option("--force", is_flag=True, help="Take it from a host that is alive, too.")
@click.option("--dry-run", is_flag=True, help="Say what would be done, and stop.")
@after_restore_options
@click.option(
    "--parallelism",
    type=click.IntRange(1, 256),
    help="Requests at a time; with --direct only, the daemon has its own setting.",
)
@click.pass_context
def command(
    ctx: click.Context,
    /,
    version: str,
    target: Path | None,
    globs: tuple[bytes, ...],
    **choices: object,
) -> None:
    """Bring a version back to disk.

    Everything is fetched into a directory beside the target, proved, and renamed in:
    until then nobody sees anything of it. A target that is in use is never touched
    without --swap (exit 4). Owner, modes and times are as they were; giving files to
    another owner takes root. Then hooks.after-restore runs (exit 3 if it fails).

    Into the session's own directory, the session moves to this host. While another
    host that is alive holds it, that is refused (exit 11) unless you say --force; what
    that host still records is kept beside the newest. With --to nothing is taken.

    In a script, and with --if-missing, SID must be whole.

    \b
    Examples:
      expokeep restore shop-42
      expokeep restore shop-42 --path src --path package.json --to /tmp/part
      expokeep restore shop-42 --if-missing --if-exists     (before a session starts)
    """
    options = options_of(ctx)
    wish = _wish(version, target, globs, choices)
    try:
        brought = bring(options, wish)
    except NeverKept as error:
        if not choices["if_exists"]:
            raise
        print_nothing(options, version, str(error))
        return
    if wish.dry_run:
        print_brought(options, brought, dry_run=True)
    else:
        _follow(options, brought, following(choices, is_part=bool(globs)))


def _follow(options: Options, brought: Brought, said: Following) -> None:
    """Run what is due, and say in any case what became of the restore."""
    after: str | None = "failed"
    try:
        after = follow(options, brought, said)
    finally:
        print_brought(options, brought, dry_run=False, after=after)


def _wish(
    version: str,
    target: Path | None,
    globs: tuple[bytes, ...],
    choices: Mapping[str, object],
) -> Bringing:
    if choices["swap"] and choices["if_missing"]:
        raise click.UsageError("--swap and --if-missing exclude each other")
    existing: Existing = "refuse"
    if choices["if_missing"]:
        existing = "keep"
    if choices["swap"]:
        existing = "swap"
    parallelism = choices["parallelism"]
    return Bringing(
        version=version,
        target=target,
        globs=globs,
        existing=existing,
        dry_run=bool(choices["dry_run"]),
        force=bool(choices["force"]),
        parallelism=parallelism if isinstance(parallelism, int) else None,
        # A script hands on what others sent: no id may open what it only begins.
        is_exact=not sys.stdin.isatty() or existing == "keep",
    )
