"""`expokeep drill`."""

from pathlib import Path

import click
import msgspec

from expokeep.cli import text
from expokeep.cli.bar import bar
from expokeep.cli.kinds import VERSION
from expokeep.cli.options import Options, direct_option, options_of, verb
from expokeep.cli.printing import as_json, sent_version
from expokeep.cli.proving import proving
from expokeep.errors import IntegrityError, NotFound
from expokeep.model import size
from expokeep.restore.receipts import ReceiptDocument


@verb("drill")
@click.argument("version", type=VERSION, default="", metavar="[VERSION]")
@click.option("--random", "count", type=click.IntRange(1, 1000), help="So many.")
@click.option(
    "--receipt",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Write the receipts there as well, one JSON document a line.",
)
@direct_option
@click.pass_context
def command(
    ctx: click.Context, version: str, count: int | None, receipt: Path | None
) -> None:
    """Prove that versions restore: from the bucket alone, then thrown away.

    Takes the version that you name, or one at random. It is restored into a scratch
    directory without any help of this host's disk, read back and proved, file by file
    and as a whole. The result is recorded and shown by `status`. Exit 15 if a version
    is not what was kept.

    \b
    Examples:
      expokeep drill
      expokeep drill shop-42@17 --receipt /tmp/receipt.json
      expokeep drill --random 10
    """
    options = options_of(ctx)
    if version and count:
        raise click.UsageError("name a version, or say how many at random")
    wanted = sent_version(version) if version else None
    receipts = _drilled(options, wanted, count or 1, receipt)
    if not receipts:
        error = NotFound("there is no version to drill")
        error.hint = "Nothing is kept yet, or all that is kept is known to be damaged."
        raise error
    failed = [one for one in receipts if not one.is_well]
    if failed:
        first = failed[0]
        error_of = f"{first.version.session}@{first.version.seq}: {first.error}"
        count_of = text.count(len(failed), "version")
        raise IntegrityError(f"{count_of} did not restore; {text.safe(error_of)}")


def _drilled(
    options: Options, version: str | None, count: int, receipt: Path | None
) -> list[ReceiptDocument]:
    receipts: list[ReceiptDocument] = []
    with proving(options) as held, bar(options, "drilling") as advance:
        for line in held.drill(version, count):
            if line["message_type"] == "progress":
                advance(line["done_bytes"], line["total_bytes"])
            else:
                receipts.append(msgspec.convert(line, ReceiptDocument))
            if options.as_json:
                as_json(line)
            elif line["message_type"] == "receipt" and not options.quiet:
                click.echo(_told(receipts[-1]))
    if receipt is not None:
        lines = [msgspec.json.encode(one) + b"\n" for one in receipts]
        receipt.write_bytes(b"".join(lines))
    return receipts


def _told(receipt: ReceiptDocument) -> str:
    version = f"{receipt.version.session}@{receipt.version.seq}"
    if not receipt.is_well:
        return f"FAILED  {version}: {text.safe(receipt.error)}"
    return (
        f"proved  {version}: {text.count(receipt.file_count, 'file')}, "
        f"{size.shown(receipt.size_bytes)}, {receipt.took_s:.2f} s, "
        f"tree {(receipt.tree or '')[:16]}"
    )
