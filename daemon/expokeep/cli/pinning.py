"""What `pin` and `unpin` have in common."""

import click

from expokeep.cli.asking import client
from expokeep.cli.options import Options
from expokeep.cli.printing import as_json, sent_version
from expokeep.cli.remote import decode
from expokeep.control.client import segment
from expokeep.retention.documents import Pinned


def told(options: Options, version: str, verb: str, *, dry_run: bool = False) -> None:
    """Pin a version or let it go, and say so."""
    path = f"/v1/versions/{segment(sent_version(version))}/{verb}"
    body = {"dry_run": True} if dry_run else {}
    found = decode(client(options).post(path, body), Pinned)
    if options.as_json:
        as_json(found)
    elif not options.quiet:
        how = "pinned" if found.is_pinned else "no longer pinned"
        be = "would be" if found.dry_run else "is"
        click.echo(f"version {found.version} of {found.session} {be} {how}")
