"""`expokeep check`."""

from collections.abc import Iterator

import click
import msgspec

from expokeep.check.documents import Checked, FindingDocument
from expokeep.cli import text
from expokeep.cli.bar import bar
from expokeep.cli.kinds import SESSION
from expokeep.cli.options import Options, direct_option, options_of, verb
from expokeep.cli.printing import as_json
from expokeep.cli.proving import proving
from expokeep.cli.versions import named
from expokeep.errors import IntegrityError, Partial
from expokeep.model import size


@verb("check")
@click.argument("session", type=SESSION, default="", metavar="[SID]")
@click.option("--all", "everything", is_flag=True, help="All sessions: the default.")
@click.option("--read-data", is_flag=True, help="Read every pack, and prove its bytes.")
@click.option(
    "--read-data-subset",
    "subset",
    metavar="n/t|x%|SIZE",
    help="Read part n of t, or x % or SIZE of all bytes, other ones each time.",
)
@direct_option
@click.pass_context
def command(
    ctx: click.Context,
    session: str,
    *,
    everything: bool,
    read_data: bool,
    subset: str | None,
) -> None:
    """Look for damage in what is kept, and say what to do about it.

    Compares what the catalog names with what the bucket holds, and proves each
    version's tree: this costs a listing. The bytes themselves are proved where you say
    so. Nothing is changed. Exit 15 if something is damaged, with the versions that are
    affected.

    \b
    Examples:
      expokeep check
      expokeep check shop-42 --read-data
      expokeep check --read-data-subset 5%
    """
    options = options_of(ctx)
    if session and everything:
        raise click.UsageError("name one session, or say --all")
    if read_data and subset:
        raise click.UsageError("--read-data reads everything; leave the subset out")
    read = "everything" if read_data else subset
    checked = _checked(options, session or None, read)
    if not options.as_json and not options.quiet:
        click.echo(_summary(checked))
    if checked.damage:
        raise _damaged(checked)


def _checked(options: Options, session: str | None, read: str | None) -> Checked:
    checked: Checked | None = None
    with proving(options) as held, bar(options, "reading") as advance:
        for line in held.check(session, read):
            if options.as_json:
                as_json(line)
            if line["message_type"] == "progress":
                advance(line["done_bytes"], line["total_bytes"])
            elif line["message_type"] == "checked":
                checked = msgspec.convert(line, Checked)
            elif not options.as_json:
                for told in _told(msgspec.convert(line, FindingDocument)):
                    click.echo(told)
    if checked is None:
        raise Partial("the check did not come to its end")
    return checked


def _told(finding: FindingDocument) -> Iterator[str]:
    where = text.safe(finding.key or finding.session)
    mark = "" if finding.is_damage else " (harmless)"
    yield f"{finding.kind}{mark}  {where}"
    yield f"    {text.safe(finding.detail)}"
    if finding.affected:
        yield f"    cannot be restored whole: {named(finding.affected)}"
    if finding.untold:
        yield f"    a rebuild would not find: {named(finding.untold)}"
    yield f"    {text.safe(finding.advice)}"


def _summary(checked: Checked) -> str:
    read = (
        f"{checked.read_packs} read, {size.shown(checked.read_bytes)}"
        if checked.read_packs
        else "none read"
    )
    found = "all is well" if checked.is_well else f"{checked.damage} damaged"
    if checked.leftovers:
        found += f", {checked.leftovers} left over"
    return (
        f"{found}: {text.count(checked.sessions, 'session')}, "
        f"{text.count(checked.versions, 'version')}, "
        f"{text.count(checked.packs, 'pack')} ({read}), {checked.took_s:.1f} s"
    )


def _damaged(checked: Checked) -> IntegrityError:
    lost = sum(len(one.seqs) for one in checked.affected)
    what = (
        f"{text.count(lost, 'version')} cannot be restored whole"
        if lost
        else "every version can be restored"
    )
    error = IntegrityError(f"damage found; {what}")
    error.hint = "`expokeep repair catalog --dry-run` says what can be mended."
    return error
