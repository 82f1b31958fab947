"""What became of a restore, as documents and as words."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import click
import msgspec

from expokeep.cli import text
from expokeep.cli.options import Options
from expokeep.cli.printing import as_json
from expokeep.model import size
from expokeep.model.names import to_text
from expokeep.restore.run import Result


@dataclass(frozen=True, slots=True)
class InUse:
    """The target is in use and stays as it is; which version it is, nobody asked."""

    session: str
    target: Path


Brought = Result | InUse


class Restored(
    msgspec.Struct, frozen=True, kw_only=True, tag_field="message_type", tag="restored"
):
    """What became of a restore, as `--json` prints it."""

    session: str
    version: int | None
    """None where nothing had to be asked, because the target is in use."""
    target: str
    action: str
    dry_run: bool
    file_count: int
    size_bytes: int
    fetched_bytes: int
    took_s: float
    """Without the start of this process."""
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


def print_brought(
    options: Options, brought: Brought, *, dry_run: bool, err: bool = False
) -> None:
    """Say what became of a restore, on stderr if `err`."""
    if options.as_json:
        as_json(_document(brought, dry_run=dry_run))
    elif not options.quiet:
        for line in _told(brought, dry_run=dry_run):
            click.echo(line, err=err)


def print_nothing(options: Options, version: str, reason: str) -> None:
    """Say that there was nothing to restore."""
    if options.as_json:
        as_json(NothingKept(version=version, reason=reason))
    elif not options.quiet:
        click.echo(f"nothing to restore: {reason}", err=True)


def shown(path: Path) -> str:
    """Return a path of this host so that it cannot harm a terminal."""
    return text.path(_named(path))


def _document(brought: Brought, *, dry_run: bool) -> Restored:
    if isinstance(brought, InUse):
        return Restored(
            session=brought.session,
            version=None,
            target=_named(brought.target),
            action="nothing",
            dry_run=dry_run,
            file_count=0,
            size_bytes=0,
            fetched_bytes=0,
            took_s=0.0,
            replaced=None,
        )
    return Restored(
        session=brought.offer.version.session,
        version=brought.offer.version.seq,
        target=_named(brought.target),
        action=brought.action,
        dry_run=dry_run,
        file_count=brought.file_count,
        size_bytes=brought.size_bytes,
        fetched_bytes=brought.fetched_bytes,
        took_s=brought.took_s,
        replaced=_named(brought.replaced) if brought.replaced else None,
    )


def _told(brought: Brought, *, dry_run: bool) -> Iterator[str]:
    target = shown(brought.target)
    if isinstance(brought, InUse) or brought.action == "nothing":
        yield f"{target} is in use and was left as it is"
        return
    version = brought.offer.version
    how = "would be restored" if dry_run else "restored"
    files = text.count(brought.file_count, "file")
    yield (
        f"{version.session}@{version.seq} of {text.moment(version.taken_at)} {how} "
        f"to {target} ({files}, {size.shown(brought.size_bytes)})"
    )
    if brought.replaced is not None:
        yield f"what was there before is now {shown(brought.replaced)}"
    if brought.action == "swap" and dry_run:
        yield "what is there now would be kept beside it"


def _named(path: Path) -> str:
    """Return a path as documents have it."""
    return to_text(os.fsencode(path))
