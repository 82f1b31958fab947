"""`expokeep cost`."""

import re
from typing import Any

import click

from expokeep.accounting.documents import AssumedCost, BillDocument, CostDocument
from expokeep.cli import text
from expokeep.cli.asking import client
from expokeep.cli.options import options_of, verb
from expokeep.cli.printing import as_json
from expokeep.cli.remote import decode

_UNITS = {"B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12}
_ASSUMED = re.compile(
    r"builds=(?P<builds>[0-9]{1,9}),size=(?P<size>[0-9]{1,9}(\.[0-9]{1,3})?)"
    r"(?P<unit>B|KB|MB|GB|TB)",
    re.IGNORECASE,
)


class Assumption(click.ParamType[tuple[int, int]]):
    """So many builds of a size, as `builds=100,size=20MB`: a MB is 10^6 bytes here."""

    name = "assumption"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[int, int]:
        """Return how many, and how large in bytes."""
        found = _ASSUMED.fullmatch(str(value))
        if found is None:
            self.fail("write builds=100,size=20MB", param, ctx)
        size_bytes = float(found["size"]) * _UNITS[found["unit"].upper()]
        return int(found["builds"]), round(size_bytes)


@verb("cost")
@click.option(
    "--month", metavar="YYYY-MM", help="Not this month, but that one; by UTC."
)
@click.option(
    "--assume",
    type=Assumption(),
    metavar="builds=N,size=SIZE",
    help="What builds would cost that do not exist.",
)
@click.pass_context
def command(
    ctx: click.Context, month: str | None, assume: tuple[int, int] | None
) -> None:
    """Show what the bucket costs in a month.

    Requests and bytes are those that daemons counted; prices are those of the settings
    (`cost`), R2's by default, with R2's free allowance and its rounding up. What leaves
    R2 costs nothing. A GB is 10^9 bytes here, as on a bill.

    \b
    Examples:
      expokeep cost
      expokeep cost --month 2026-10 --json
      expokeep cost --assume builds=100,size=20MB
    """
    options = options_of(ctx)
    if assume is not None:
        if month is not None:
            raise click.UsageError("--assume is of no month: leave --month out", ctx)
        builds, size_bytes = assume
        raw = client(options).get("/v1/cost", builds=builds, size_bytes=size_bytes)
        guess = decode(raw, AssumedCost)
        as_json(guess) if options.as_json else _print_assumed(guess)
        return
    found = decode(client(options).get("/v1/cost", month=month), CostDocument)
    as_json(found) if options.as_json else _print(found)


def _print(found: CostDocument) -> None:
    click.echo(f"{found.month:<12}  {'so far':>14}  {'whole month':>14}")
    pairs = (found.so_far, found.projected)
    rows = (
        ("storage", *(_storage(bill) for bill in pairs)),
        ("class A", *(f"{bill.class_a:,}" for bill in pairs)),
        ("class B", *(f"{bill.class_b:,}" for bill in pairs)),
        ("downloaded", *(f"{bill.received_bytes / 1e9:.3f} GB" for bill in pairs)),
        ("  storage", *(_money(bill.storage_usd) for bill in pairs)),
        ("  class A", *(_money(bill.class_a_usd) for bill in pairs)),
        ("  class B", *(_money(bill.class_b_usd) for bill in pairs)),
        ("  traffic", *(_money(bill.egress_usd) for bill in pairs)),
        ("to pay", *(_money(bill.total_usd) for bill in pairs)),
        ("in a database", *(_money(bill.database_usd) for bill in pairs)),
    )
    for name, now, whole in rows:
        click.echo(f"{name:<13} {now:>14}  {whole:>14}")
    prices = found.prices
    click.echo(
        f"R2 ${prices.storage_gb_month:g} and a database ${prices.database_gb_month:g}"
        f" a GB and month: {_compared(prices.price_ratio, prices.saving_percent)}"
    )
    if found.counted_since is None:
        click.echo("note: nothing was counted yet", err=True)
    elif f"{found.counted_since:%Y-%m}" >= found.month:
        click.echo(f"note: counted since {found.counted_since} only", err=True)
    if found.is_over_budget:
        whole = _money(found.projected.total_usd)
        budget = _money(found.monthly_budget)
        click.echo(f"warning: {whole} are more than the budget of {budget}", err=True)


def _print_assumed(found: AssumedCost) -> None:
    builds = text.count(found.builds, "build")
    click.echo(f"{builds} of {found.size_bytes / 1e6:g} MB: {found.gb:g} GB")
    click.echo(f"database  {_money(found.database_usd)} a month")
    click.echo(f"R2        {_money(found.storage_usd)} a month")
    click.echo(
        f"R2 saves  {_compared(found.prices.price_ratio, found.prices.saving_percent)}"
    )
    click.echo(
        f"R2 asks   {_money(found.billed_usd)}, with its free allowance and rounding;"
        " what builds have in common, and compression, is not counted"
    )
    for note in found.notes:
        click.echo(note)


def _compared(ratio: float, percent: float) -> str:
    return f"{percent:.3g} %, or {ratio:.1f}x"


def _storage(bill: BillDocument) -> str:
    return f"{bill.gb_months:.3f} GB-month"


def _money(amount: float) -> str:
    """Return dollars; what is less than a cent with four digits.

    >>> _money(0.5), _money(0), _money(0.0042), _money(1234.5)
    ('$0.50', '$0.00', '$0.0042', '$1,234.50')
    """
    digits = 4 if 0 < amount < 0.01 else 2
    return f"${amount:,.{digits}f}"
