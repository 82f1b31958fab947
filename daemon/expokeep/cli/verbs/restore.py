"""`expokeep restore`."""

from pathlib import Path

import click

from expokeep.cli.bringing import Bringing, bring, print_result
from expokeep.cli.options import direct_option, options_of, verb
from expokeep.errors import NotFound
from expokeep.restore.plan import Existing


@verb("restore")
@direct_option
@click.argument("version", metavar="VERSION")
@click.option(
    "--to",
    "target",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Where to; the session's own directory if not given.",
)
@click.option(
    "--path",
    "globs",
    multiple=True,
    metavar="GLOB",
    help="Only this file or directory; may be given several times.",
)
@click.option("--if-missing", is_flag=True, help="Do nothing if the target is in use.")
@click.option("--if-exists", is_flag=True, help="Do nothing if nothing was ever kept.")
@click.option(
    "--swap", is_flag=True, help="Replace the target; keep the old beside it."
)
@click.option("--dry-run", is_flag=True, help="Say what would be done, and stop.")
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
    globs: tuple[str, ...],
    **choices: object,
) -> None:
    """Bring a version back to disk.

    Everything is fetched into a directory beside the target, proved, and renamed in:
    until then nobody sees anything of it. A target that is in use is never touched
    without --swap (exit 4). Owner, modes and times are as they were; giving files to
    another owner takes root.

    \b
    Examples:
      expokeep restore shop-42
      expokeep restore shop-42@15m --to /tmp/look
      expokeep restore shop-42 --path src --path package.json --to /tmp/part
      expokeep restore shop-42 --if-missing --if-exists     (before a session starts)
    """
    options = options_of(ctx)
    existing: Existing = "refuse"
    if choices["if_missing"]:
        existing = "keep"
    if choices["swap"]:
        existing = "swap"
    if choices["swap"] and choices["if_missing"]:
        raise click.UsageError("--swap and --if-missing exclude each other")
    parallelism = choices["parallelism"]
    wish = Bringing(
        version=version,
        target=target,
        globs=tuple(glob.encode(errors="surrogateescape") for glob in globs),
        existing=existing,
        dry_run=bool(choices["dry_run"]),
        parallelism=parallelism if isinstance(parallelism, int) else None,
    )
    try:
        result = bring(options, wish)
    except NotFound:
        if not choices["if_exists"] or globs:
            raise
        if not options.quiet:
            click.echo(f"nothing was ever kept of {version}", err=True)
        return
    print_result(options, result, dry_run=wish.dry_run)
