"""What `sessions --deleted` prints."""

import click

from expokeep import clock
from expokeep.cli import text
from expokeep.cli.asking import client
from expokeep.cli.options import Options
from expokeep.cli.printing import as_json
from expokeep.cli.remote import decode
from expokeep.cli.table import table
from expokeep.model import size
from expokeep.retention.documents import DeletedDocument, DeletedList


def told(options: Options) -> None:
    """List the deleted sessions that can still be had back."""
    found = decode(client(options).get("/v1/deleted"), DeletedList)
    if options.as_json:
        as_json(found)
        return
    headers = ("SESSION", "PROJECT", "OWNER", "VERSIONS", "SIZE", "GONE", "UNTIL")
    rows = [_row(session) for session in found.sessions]
    table(headers, rows, gives_way=("PROJECT", "OWNER"))
    if found.truncated and not options.quiet:
        click.echo("There are more.", err=True)


def _row(session: DeletedDocument) -> tuple[str, ...]:
    how = "expired" if session.expired else "deleted"
    return (
        session.session,
        text.safe(session.project_name) or "-",
        text.safe(session.owner) or "-",
        str(session.versions),
        size.shown(session.size_bytes),
        f"{how} {text.age(session.deleted_at, clock.now())} ago",
        text.moment(session.gone_at),
    )
