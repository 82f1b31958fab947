"""`expokeep repair`."""

import sys
from collections.abc import Iterator, Mapping
from typing import Any

import click
import msgspec

from expokeep.check.documents import RepairOutcome, RepairStep
from expokeep.cli import text
from expokeep.cli.asking import client
from expokeep.cli.bar import bar
from expokeep.cli.options import Options, options_of, verb
from expokeep.cli.printing import as_json
from expokeep.cli.versions import named
from expokeep.errors import IntegrityError, Partial

WHAT = ("catalog", "manifests", "spool")


@verb("repair")
@click.argument("what", type=click.Choice(WHAT), metavar="|".join(WHAT))
@click.option("--dry-run", is_flag=True, help="Say what would be done, and stop.")
@click.option("--read-data", is_flag=True, help="Read every pack first.")
@click.pass_context
def command(ctx: click.Context, what: str, *, dry_run: bool, read_data: bool) -> None:
    """Mend what a check has found, without losing anything.

    \b
    catalog    rows that lie, heads that point nowhere; contents that the spool, a
               directory or another pack still holds are stored again. Versions that
               nothing can mend are parked as damaged, and never deleted.
    manifests  packs that cannot say any more what they hold are written anew.
    spool      entries of this host that are damaged on disk; what cannot be mended is
               moved aside, whole.

    Checks first, and reads again what was found damaged before. On a terminal it asks
    before it changes anything, unless you say --yes. Exit 15 if something stays
    damaged.

    \b
    Examples:
      expokeep repair catalog --dry-run
      expokeep repair manifests --read-data --yes
    """
    options = options_of(ctx)
    wish = {"what": what, "read": "everything" if read_data else None}
    if not (dry_run or options.yes) and sys.stdin.isatty():
        planned = _repaired(options, {**wish, "dry_run": True})
        if not planned.steps:
            click.echo(_summary(planned))
            return
        click.confirm("Do this?", abort=True, err=True)
    done = _repaired(options, {**wish, "dry_run": dry_run})
    if not options.as_json and not options.quiet:
        click.echo(_summary(done))
    if done.lost:
        error = IntegrityError(f"nothing can mend {named(done.lost)}")
        error.hint = (
            "They are parked, not deleted. See the runbook, check found damage."
        )
        raise error


def _repaired(options: Options, wish: Mapping[str, Any]) -> RepairOutcome:
    done: RepairOutcome | None = None
    aside = 0
    with bar(options, "checking") as advance:
        for line in client(options).lines("POST", "/v1/repair", wish):
            if options.as_json:
                as_json(line)
            if line["message_type"] == "progress":
                advance(line["done_bytes"], line["total_bytes"])
            elif line["message_type"] == "repaired":
                done = msgspec.convert(line, RepairOutcome)
            else:
                step = msgspec.convert(line, RepairStep)
                aside += step.action == "aside"
                for told in () if options.as_json else _told(step):
                    click.echo(told)
    if done is None:
        raise Partial("the repair did not come to its end; what is done stays done")
    if aside and not done.dry_run:
        raise IntegrityError(f"{text.count(aside, 'entry', 'entries')} moved aside")
    return done


def _told(step: RepairStep) -> Iterator[str]:
    where = text.safe(step.key or step.session)
    versions = f" ({named(step.affected)})" if step.affected else ""
    yield f"{step.action}  {where}{versions}"
    yield f"    {text.safe(step.detail)}"


def _summary(done: RepairOutcome) -> str:
    if not done.steps:
        return "nothing to mend"
    steps = text.count(done.steps, "thing")
    return f"{steps} to do" if done.dry_run else f"{steps} done"
