"""`expokeep template`."""

import click

from expokeep.cli import text
from expokeep.cli.asking import client
from expokeep.cli.kinds import SESSION, TEMPLATE, VERSION, WORDS
from expokeep.cli.letting_go import confirm
from expokeep.cli.options import CONTEXT, global_options, options_of
from expokeep.cli.printing import as_json, sent_version
from expokeep.cli.remote import decode
from expokeep.cli.table import table
from expokeep.cli.verbs.fork import begun
from expokeep.control.client import segment
from expokeep.fork.documents import (
    Forked,
    TemplateCreated,
    TemplateDeleted,
    TemplateDocument,
    TemplateList,
)
from expokeep.model import size


@click.group("template", context_settings=CONTEXT)
@global_options
def command() -> None:
    """Keep versions that new sessions begin with.

    A template is a name for a version. While it exists, nothing lets go of the version:
    no rule forgets it, its session neither expires nor can be deleted.

    \b
    Examples:
      expokeep template create shop-42@17 checkout
      expokeep template list
      expokeep template new checkout --session shop-43
    """


@command.command("create", context_settings=CONTEXT)
@global_options
@click.argument("version", type=VERSION, metavar="VERSION")
@click.argument("name", type=WORDS, metavar="NAME")
@click.pass_context
def create(ctx: click.Context, version: str, name: str) -> None:
    """Let new sessions begin with a version.

    The template belongs to whose the session is, and each user's names are its own.
    The session is named by its whole id.

    \b
    Examples:
      expokeep template create shop-42 checkout
      expokeep template create shop-42@label:demo "the demo"
    """
    options = options_of(ctx)
    body = {"version": sent_version(version), "name": name}
    found = decode(client(options).post("/v1/templates", body), TemplateCreated)
    if options.as_json:
        as_json(found)
    elif not options.quiet:
        one = found.template
        click.echo(f"{one.session}@{one.version} is template {text.safe(one.name)}")


@command.command("list", context_settings=CONTEXT)
@global_options
@click.pass_context
def listed(ctx: click.Context) -> None:
    """List templates.

    \b
    Examples:
      expokeep template list
      expokeep template list --json
    """
    options = options_of(ctx)
    found = decode(client(options).get("/v1/templates"), TemplateList)
    if options.as_json:
        as_json(found)
        return
    headers = ("NAME", "OWNER", "VERSION", "PROJECT", "FILES", "SIZE", "MADE")
    table(headers, [_row(one) for one in found.templates], gives_way=("PROJECT",))
    if found.truncated and not options.quiet:
        click.echo("There are more.", err=True)


@command.command("new", context_settings=CONTEXT)
@global_options
@click.argument("name", type=TEMPLATE, metavar="NAME")
@click.option(
    "--session", type=SESSION, metavar="NEW", help="Its id; a new UUID if not given."
)
@click.option("--user", type=WORDS, metavar="U", help="Whose it is to be (operators).")
@click.option("-m", "--message", type=WORDS, metavar="TEXT", help="What it is for.")
@click.pass_context
def new(ctx: click.Context, /, name: str, **said: str | None) -> None:
    """Begin a new session with a template.

    No contents are uploaded. Nothing is written to disk here: `expokeep restore NEW`
    does that.

    \b
    Examples:
      expokeep template new checkout
      expokeep template new checkout --session shop-43 --user ann
    """
    options = options_of(ctx)
    made = decode(client(options).post(f"{_path(name)}/new", said), Forked)
    if options.as_json:
        as_json(made)
    elif options.quiet:
        click.echo(made.session)
    else:
        click.echo(begun(made))


@command.command("delete", context_settings=CONTEXT)
@global_options
@click.argument("name", type=TEMPLATE, metavar="NAME")
@click.option("--dry-run", is_flag=True, help="Only say what would go.")
@click.pass_context
def delete(ctx: click.Context, name: str, *, dry_run: bool) -> None:
    """Delete a template.

    The version stays as long as the rules keep it; sessions that began with it are not
    touched.

    \b
    Examples:
      expokeep template delete checkout
      expokeep template delete checkout --dry-run
    """
    options = options_of(ctx)
    path = f"{_path(name)}/delete"
    if not dry_run and not options.yes:
        raw = client(options).post(path, {"dry_run": True})
        planned = decode(raw, TemplateDeleted).template
        confirm(options, f"Delete template {_what(planned)}?")
    found = decode(client(options).post(path, {"dry_run": dry_run}), TemplateDeleted)
    if options.as_json:
        as_json(found)
    elif not options.quiet:
        how = "would be deleted" if found.dry_run else "is deleted"
        click.echo(f"template {_what(found.template)} {how}; the version stays")


def _path(name: str) -> str:
    return f"/v1/templates/{segment(name)}"


def _what(one: TemplateDocument) -> str:
    return f"{text.safe(one.name)} ({one.session}@{one.version})"


def _row(one: TemplateDocument) -> tuple[str, ...]:
    return (
        text.safe(one.name),
        text.safe(one.owner) or "-",
        f"{one.session}@{one.version}",
        text.safe(one.project_name) or "-",
        str(one.file_count),
        size.shown(one.size_bytes),
        text.moment(one.created_at),
    )
