"""`expokeep webhooks`."""

import click

from expokeep import clock
from expokeep.cli import text
from expokeep.cli.asking import client
from expokeep.cli.kinds import WORDS
from expokeep.cli.options import CONTEXT, global_options, options_of
from expokeep.cli.printing import as_json
from expokeep.cli.remote import decode
from expokeep.cli.table import table
from expokeep.errors import Partial
from expokeep.webhooks.documents import (
    WebhookDocument,
    WebhookList,
    WebhooksRevived,
    WebhooksTried,
)


@click.group("webhooks", context_settings=CONTEXT)
@global_options
def command() -> None:
    """See who is told what happens, and whether they take it.

    They are made in the settings, under webhooks. What nobody takes for a day is given
    up, and waits here to be tried again.

    \b
    Examples:
      expokeep webhooks list
      expokeep webhooks test
      expokeep webhooks retry
    """


@command.command("list", context_settings=CONTEXT)
@global_options
@click.pass_context
def list_(ctx: click.Context) -> None:
    """List webhooks, and what waits for them.

    \b
    Example:
      expokeep webhooks list --json
    """
    options = options_of(ctx)
    found = decode(client(options).get("/v1/webhooks"), WebhookList)
    if options.as_json:
        as_json(found)
        return
    headers = ("WEBHOOK", "PLACE", "EVENTS", "WAITING", "GIVEN UP", "OLDEST", "ERROR")
    rows = [_row(one) for one in found.webhooks]
    table(headers, rows, gives_way=("ERROR", "EVENTS"))


@command.command("test", context_settings=CONTEXT)
@global_options
@click.argument("webhook", type=WORDS, required=False, metavar="[WEBHOOK]")
@click.option("--dry-run", is_flag=True, help="Only say who would be told.")
@click.pass_context
def test(ctx: click.Context, webhook: str | None, *, dry_run: bool) -> None:
    """Send a request to each, or to one, now.

    \b
    Example:
      expokeep webhooks test
    """
    options = options_of(ctx)
    body = {"webhook": webhook, "dry_run": dry_run}
    found = decode(client(options).post("/v1/webhooks/test", body), WebhooksTried)
    if options.as_json:
        as_json(found)
    else:
        for one in found.tried:
            good = "would be told" if dry_run else "took it"
            told = f"did not take it: {text.safe(one.error)}" if one.error else good
            click.echo(f"{one.webhook}  {text.safe(one.place)}  {told}")
    failed = sum(one.error is not None for one in found.tried)
    if failed:
        raise Partial(f"{text.count(failed, 'webhook')} did not take it")


@command.command("retry", context_settings=CONTEXT)
@global_options
@click.argument("webhook", type=WORDS, required=False, metavar="[WEBHOOK]")
@click.option("--dry-run", is_flag=True, help="Only say how much that would be.")
@click.pass_context
def retry(ctx: click.Context, webhook: str | None, *, dry_run: bool) -> None:
    """Try again what was given up.

    \b
    Example:
      expokeep webhooks retry
    """
    options = options_of(ctx)
    body = {"webhook": webhook, "dry_run": dry_run}
    found = decode(client(options).post("/v1/webhooks/retry", body), WebhooksRevived)
    if options.as_json:
        as_json(found)
    elif not options.quiet:
        would = "would be" if dry_run else "is"
        click.echo(f"{text.count(found.revived, 'event')} {would} tried again")


def _row(one: WebhookDocument) -> tuple[str, ...]:
    place = text.safe(one.place) + ("" if one.is_ours else " (another host's)")
    return (
        one.webhook,
        place,
        ", ".join(one.events),
        str(one.waiting),
        str(one.dead),
        f"{text.age(one.oldest_at, clock.now())} ago" if one.oldest_at else "-",
        text.safe(one.error or ""),
    )
