"""`expokeep rebuild`."""

from collections.abc import Mapping

import click

from expokeep.cli import text
from expokeep.cli.bar import bar
from expokeep.cli.letting_go import confirm
from expokeep.cli.options import Options, options_of, verb
from expokeep.cli.printing import as_json
from expokeep.errors import IntegrityError
from expokeep.rebuild.documents import RebuildDone, RebuildProgress, done
from expokeep.rebuild.values import Phase

_SHOWN = 10
_STEPS = 50


@verb("rebuild")
@click.option(
    "--from-bucket", is_flag=True, required=True, help="Of what the bucket holds."
)
@click.option(
    "--missing", is_flag=True, help="Only add what the catalog does not have."
)
@click.option("--dry-run", is_flag=True, help="Read everything, and write nothing.")
@click.pass_context
def command(ctx: click.Context, /, **choices: bool) -> None:
    """Make the catalog in Postgres anew of what the bucket holds.

    For a Postgres that was lost. Runs in this process on the configured servers, in an
    empty database: the schema is made first. Versions, heads, parked ones, labels,
    pins, owners and deletions come back as they were up to the last facts; what is
    younger is added by the rules for new versions. Shares are not rebuilt: all are
    revoked. It may be stopped and called again.

    With --missing, for a Postgres that came back from an older backup: what it does not
    know is added, and it may delete again afterwards. Nothing is taken away.

    \b
    Examples:
      expokeep rebuild --from-bucket --dry-run
      expokeep rebuild --from-bucket
      expokeep rebuild --from-bucket --missing
    """
    options = options_of(ctx)
    if not choices["dry_run"]:
        what = "Add to" if choices["missing"] else "Make anew"
        confirm(options, f"{what} the catalog in the configured Postgres?")
    told = _rebuilt(options, choices)
    if options.as_json:
        as_json(told)
    elif not options.quiet:
        _print(told)
    if told.lost or told.damaged:
        raise IntegrityError(
            f"{told.lost} versions are not back, "
            f"{len(told.damaged)} objects cannot be read"
        )


def _rebuilt(options: Options, choices: Mapping[str, bool]) -> RebuildDone:
    import os  # noqa: PLC0415 - with what needs it

    from expokeep import crash, wiring  # noqa: PLC0415 - imports the drivers
    from expokeep.cli.direct import loaded  # noqa: PLC0415
    from expokeep.rebuild.missing import adopted  # noqa: PLC0415
    from expokeep.rebuild.run import rebuilt  # noqa: PLC0415

    crash.arm(os.environ)
    dry_run, missing = choices["dry_run"], choices["missing"]
    with bar(options, "rebuilding", str) as advance:
        told = -1

        def progress(phase: Phase, count: int, total: int) -> None:
            nonlocal told
            advance(count, total)
            step = count * _STEPS // total
            if options.as_json and step != told:
                told = step
                as_json(RebuildProgress(phase=phase, done=count, total=total))

        held = wiring.rebuilding(
            loaded(options).settings,
            progress,
            migrate=not dry_run and not missing,
            writes=not dry_run,
        )
        with held as tools:
            act = adopted if missing else rebuilt
            return done(act(tools, dry_run=dry_run), dry_run=dry_run)


def _print(told: RebuildDone) -> None:
    would = "would be" if told.dry_run else "are"
    click.echo(
        f"{told.versions} versions of {told.sessions} sessions {would} back, "
        f"of {told.packs} packs and {told.facts} facts"
    )
    if told.facts_at:
        click.echo(f"the newest fact is of {text.moment(told.facts_at)}")
    if told.adopted:
        click.echo(f"{told.adopted} versions are younger than that, or no fact is left")
    if told.parked:
        click.echo(f"{told.parked} versions are parked")
    for session in told.ownerless[:_SHOWN]:
        click.echo(f"nobody knows whose {session} is: its next directory's owner")
    for one in told.unsure[:_SHOWN]:
        number = f"@{one.seq}" if one.seq else f", pack {one.pack}"
        click.echo(f"not as it was: {one.session}{number}: {one.reason}")
    for bad in told.damaged[:_SHOWN]:
        click.echo(f"cannot be read: {bad.key}: {bad.reason}")
    if not told.dry_run:
        click.echo("shares are not rebuilt: all are revoked")
