"""`expokeep db`."""

import click

from expokeep.cli.asking import client
from expokeep.cli.options import CONTEXT, global_options, options_of
from expokeep.cli.printing import as_json
from expokeep.cli.remote import decode
from expokeep.history.documents import DbStatus, Migrated


@click.group("db", context_settings=CONTEXT)
@global_options
def command() -> None:
    """Look after the schema in Postgres.

    \b
    Examples:
      expokeep db status
      expokeep db migrate --dry-run
    """


@command.command("status", context_settings=CONTEXT)
@global_options
@click.pass_context
def status(ctx: click.Context) -> None:
    """Show which schema there is, and which one the daemon knows.

    \b
    Example:
      expokeep db status
    """
    options = options_of(ctx)
    found = decode(client(options).get("/v1/db"), DbStatus)
    if options.as_json:
        as_json(found)
        return
    click.echo(f"schema {found.found}, known {found.known}")
    for name in found.pending:
        click.echo(f"pending: {name}")


@command.command("migrate", context_settings=CONTEXT)
@global_options
@click.option("--dry-run", is_flag=True, help="Say what would be applied, and stop.")
@click.option(
    "--app-tables",
    is_flag=True,
    help='Make "BuildSession" and "BuildFile" too, if the app has not made them.',
)
@click.pass_context
def migrate(ctx: click.Context, *, dry_run: bool, app_tables: bool) -> None:
    """Bring the schema up to date.

    Runs in this process on the configured database, with a role that may change the
    schema: the daemon's own role need not. Safe while daemons run, and safe to repeat.
    The app's tables are its own migration's: --app-tables is for where no app is yet.

    \b
    Examples:
      expokeep db migrate --dry-run
      DATABASE_URL=postgresql://admin@db/app expokeep db migrate
    """
    from expokeep import wiring  # noqa: PLC0415 - imports the drivers
    from expokeep.cli.direct import loaded, quietly  # noqa: PLC0415

    options = options_of(ctx)
    settings = loaded(options).settings
    quietly(options)
    with wiring.catalog(settings) as catalog:
        applied = catalog.migrate(dry_run=dry_run)
    made = app_tables and not dry_run and wiring.make_app_tables(settings)
    if options.as_json:
        as_json(Migrated(applied=applied, dry_run=dry_run))
        return
    for name in applied:
        click.echo(f"{'would apply' if dry_run else 'applied'} {name}")
    if made:
        click.echo("made the app's tables")
    elif not applied and not options.quiet:
        click.echo("the schema is up to date")
