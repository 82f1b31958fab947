"""Restores from the command line: the same for `restore` and for `exec`."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import click
import msgspec

from expokeep.cli import text
from expokeep.cli.asking import asking
from expokeep.cli.bar import bar
from expokeep.cli.options import Options
from expokeep.cli.printing import as_json, sent_version
from expokeep.model import size
from expokeep.model.names import to_text
from expokeep.restore.plan import Existing
from expokeep.restore.run import Result, Wish, restore


@dataclass(frozen=True, slots=True)
class Bringing:
    """What the caller wants back."""

    version: str
    target: Path | None
    globs: tuple[bytes, ...] = ()
    existing: Existing = "refuse"
    dry_run: bool = False
    parallelism: int | None = None


class Restored(
    msgspec.Struct, frozen=True, kw_only=True, tag_field="message_type", tag="restored"
):
    """What became of a restore, as `--json` prints it."""

    session: str
    version: int
    target: str
    action: str
    dry_run: bool
    file_count: int
    size_bytes: int
    fetched_bytes: int
    replaced: str | None


class NothingKept(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    tag_field="message_type",
    tag="nothing-kept",
):
    """There was nothing to restore, and the caller said that this is fine."""

    version: str
    reason: str


class Progress(
    msgspec.Struct, frozen=True, kw_only=True, tag_field="message_type", tag="progress"
):
    """How far a restore is, as `--json` prints it."""

    done_bytes: int
    total_bytes: int
    phase: str = "restore"


_STEP = 20
"""Progress lines of `--json` over a whole restore."""


def bring(options: Options, wish: Bringing) -> Result:
    """Restore a version, showing how far it is."""
    told = -1
    with (
        asking(options, parallelism=wish.parallelism) as asked,
        bar(options, "restoring") as advance,
    ):

        def progress(done_bytes: int, total_bytes: int) -> None:
            nonlocal told
            advance(done_bytes, total_bytes)
            step = done_bytes * _STEP // total_bytes if total_bytes else _STEP
            if options.as_json and step > told:
                told = step
                as_json(Progress(done_bytes=done_bytes, total_bytes=total_bytes))

        return restore(
            asked.source(),
            Wish(
                version=sent_version(wish.version),
                target=wish.target,
                globs=wish.globs,
                existing=wish.existing,
                dry_run=wish.dry_run,
            ),
            progress,
        )


def print_result(
    options: Options, result: Result, *, dry_run: bool, err: bool = False
) -> None:
    """Say what became of a restore, on stderr if `err`."""
    version = result.offer.version
    if options.as_json:
        as_json(
            Restored(
                session=version.session,
                version=version.seq,
                target=_named(result.target),
                action=result.action,
                dry_run=dry_run,
                file_count=result.file_count,
                size_bytes=result.size_bytes,
                fetched_bytes=result.fetched_bytes,
                replaced=_named(result.replaced) if result.replaced else None,
            )
        )
        return
    if options.quiet:
        return
    for line in _told(result, dry_run=dry_run):
        click.echo(line, err=err)


def print_nothing(options: Options, version: str, reason: str) -> None:
    """Say that there was nothing to restore."""
    if options.as_json:
        as_json(NothingKept(version=version, reason=reason))
    elif not options.quiet:
        click.echo(f"nothing to restore: {reason}", err=True)


def _told(result: Result, *, dry_run: bool) -> Iterator[str]:
    target, version = _shown(result.target), result.offer.version
    if result.action == "nothing":
        yield f"{target} is in use and was left as it is"
        return
    how = "would be restored" if dry_run else "restored"
    files = text.count(result.file_count, "file")
    yield (
        f"{version.session}@{version.seq} of {text.moment(version.taken_at)} {how} "
        f"to {target} ({files}, {size.shown(result.size_bytes)})"
    )
    if result.replaced is not None:
        yield f"what was there before is now {_shown(result.replaced)}"
    if result.action == "swap" and dry_run:
        yield "what is there now would be kept beside it"


def _named(path: Path) -> str:
    """Return a path as documents have it."""
    return to_text(os.fsencode(path))


def _shown(path: Path) -> str:
    return text.path(_named(path))
