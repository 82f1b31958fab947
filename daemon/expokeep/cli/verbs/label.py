"""`expokeep label`."""

import click

from expokeep.cli import text
from expokeep.cli.asking import client
from expokeep.cli.kinds import VERSION, WORDS
from expokeep.cli.letting_go import confirm
from expokeep.cli.options import options_of, verb
from expokeep.cli.printing import as_json, sent_version
from expokeep.cli.remote import decode
from expokeep.control.client import segment
from expokeep.retention.documents import Labelled


@verb("label")
@click.argument("version", type=VERSION, metavar="VERSION")
@click.argument("name", type=WORDS, default="", metavar="NAME")
@click.option(
    "--remove", type=WORDS, metavar="NAME", help="Take this label away from a session."
)
@click.option("--dry-run", is_flag=True, help="With --remove: only say what would go.")
@click.pass_context
def command(
    ctx: click.Context, version: str, name: str, remove: str | None, *, dry_run: bool
) -> None:
    """Give a version a name.

    `SID@label:NAME` is it from then on. Within a session a label is on one version at
    a time; it moves when you give it again. What has a label is not forgotten. The
    session is named by its whole id.

    \b
    Examples:
      expokeep label shop-42@17 before-the-demo
      expokeep restore shop-42@label:before-the-demo --to /tmp/look
      expokeep label --remove before-the-demo shop-42
    """
    options = options_of(ctx)
    if bool(name) == bool(remove):
        raise click.UsageError("say VERSION NAME, or --remove NAME SID")
    if dry_run and not remove:
        raise click.UsageError("--dry-run goes together with --remove")
    body: dict[str, object] = {"name": remove or name}
    if remove:
        path = f"/v1/sessions/{segment(version)}/unlabel"
        if dry_run:
            body["dry_run"] = True
        else:
            what = f"label {text.safe(remove)} of {text.safe(version)}"
            confirm(options, f"Take {what} away?")
    else:
        path = f"/v1/versions/{segment(sent_version(version))}/label"
    found = decode(client(options).post(path, body), Labelled)
    if options.as_json:
        as_json(found)
    elif not options.quiet:
        click.echo(_told(found))


def _told(found: Labelled) -> str:
    label = text.safe(found.label)
    if found.version is None:
        be = "would no longer be" if found.dry_run else "is no longer"
        return f"version {found.before} of {found.session} {be} {label}"
    told = f"version {found.version} of {found.session} is {label}"
    if found.before not in (None, found.version):
        told += f", no longer version {found.before}"
    return told
