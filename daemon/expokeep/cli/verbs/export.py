"""`expokeep export`."""

from collections.abc import Mapping
from pathlib import Path
from typing import cast

import click

from expokeep.cli.exporting import Exporting, export, require_pipe
from expokeep.cli.exporting_git import GitWish, export_git
from expokeep.cli.kinds import VERSION
from expokeep.cli.options import Options, direct_option, options_of, verb
from expokeep.export.archives import FORMATS
from expokeep.export.lineage import Squash

_SQUASHES = ("labels", "daily")


@verb("export")
@direct_option
@click.argument("version", type=VERSION, metavar="VERSION")
@click.option(
    "--format",
    "form",
    type=click.Choice([*FORMATS, "dir", "git"]),
    default="tar.gz",
    show_default=True,
    help="What to make.",
)
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path, allow_dash=True),
    required=True,
    metavar="FILE",
    help="Where to; - is stdout.",
)
@click.option("--redact", is_flag=True, help="Leave out what looks like a secret.")
@click.option(
    "--allow-secrets", is_flag=True, help="Do not point out what looks like a secret."
)
@click.option(
    "--squash",
    type=click.Choice(_SQUASHES),
    help="With git: only versions with a label, or the last one of each day.",
)
@click.option("--force", is_flag=True, help="Replace a file that is there.")
@click.pass_context
def command(ctx: click.Context, /, version: str, output: Path, **said: object) -> None:
    """Write a version as an archive, a directory, or a history for git.

    An archive has one directory at its top, named like the session. The same version
    gives the same bytes on every machine. Nothing is written before all of it is there
    and proved, and a file has its name only when it is whole. It holds all that was
    kept, secrets too, and only you can read it; --redact leaves them out.

    With `--format git` it is the whole history: one commit a version, tags for labels,
    branches for other lives of the directory and for what is parked. `-o DIR` makes a
    bare repository, `-o -` a stream for `git fast-import`. SID@17 is the history that
    leads to version 17. Git has no empty directories.

    \b
    Examples:
      expokeep export shop-42 -o shop.tar.gz
      expokeep export shop-42@label:demo --format zip --redact -o demo.zip
      expokeep export shop-42 --format git -o shop.git
      expokeep export shop-42 --format git -o - | git -C repo fast-import
    """
    options = options_of(ctx)
    target = None if str(output) == "-" else output.absolute()
    _require(options, target, said)
    if said["form"] == "git":
        squash = cast("Squash", said["squash"] or "none")
        redact = bool(said["redact"])
        export_git(options, GitWish(version, target, squash, redact))
        return
    export(
        options,
        Exporting(
            version=version,
            form=str(said["form"]),
            target=target,
            redact=bool(said["redact"]),
            allow_secrets=bool(said["allow_secrets"]),
            replace=bool(said["force"]),
        ),
    )


def _require(options: Options, target: Path | None, said: Mapping[str, object]) -> None:
    """Check that what was said goes together."""
    if said["squash"] and said["form"] != "git":
        raise click.UsageError("--squash goes together with --format git")
    if said["redact"] and said["allow_secrets"]:
        raise click.UsageError("--redact and --allow-secrets exclude each other")
    if said["force"] and said["form"] in ("dir", "git"):
        raise click.UsageError("--force replaces a file, and no directory")
    if target is None:
        if said["form"] == "dir":
            raise click.UsageError("a directory has to be named with -o")
        if options.as_json:
            raise click.UsageError("--json and -o - exclude each other")
        require_pipe()
