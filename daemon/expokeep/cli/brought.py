"""What became of a restore, as documents and as words."""

import datetime
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
from expokeep.model.documents import HeldDocument
from expokeep.model.names import to_text
from expokeep.restore.documents import held_document
from expokeep.restore.run import Result
from expokeep.restore.source import Offer


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
    unrecorded: bool = False
    """It was on this host only, and had no number yet: `version` is null."""
    taken_at: datetime.datetime | None = None
    parked_newer: int = 0
    """Newer versions that are parked, where the newest was asked for."""
    held_elsewhere: tuple[HeldDocument, ...] = ()
    after_restore: str | None = None
    """What became of the site's command: `passed`, `failed`, or `due`: the next exec
    runs it. None: there was none to run."""


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
    options: Options,
    brought: Brought,
    *,
    dry_run: bool,
    err: bool = False,
    after: str | None = None,
) -> None:
    """Say what became of a restore, on stderr if `err`.

    `after` is what became of the command after it.
    """
    if options.as_json:
        document = _document(brought, dry_run=dry_run)
        as_json(msgspec.structs.replace(document, after_restore=after))
    elif not options.quiet:
        for line in _told(brought, dry_run=dry_run):
            click.echo(line, err=err)
    print_warnings(options, brought)


def print_warnings(options: Options, brought: Brought) -> None:
    """Say on stderr what is not in what came back."""
    if not options.quiet:
        for line in warnings(brought):
            click.echo(f"note: {line}", err=True)


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
    version, about = brought.offer.version, brought.offer.about
    return Restored(
        session=version.session,
        version=version.seq or None,
        target=_named(brought.target),
        action=brought.action,
        dry_run=dry_run,
        file_count=brought.file_count,
        size_bytes=brought.size_bytes,
        fetched_bytes=brought.fetched_bytes,
        took_s=brought.took_s,
        replaced=_named(brought.replaced) if brought.replaced else None,
        unrecorded=about.unrecorded,
        taken_at=version.taken_at,
        parked_newer=about.parked_newer,
        held_elsewhere=tuple(map(held_document, about.held_elsewhere)),
    )


def _told(brought: Brought, *, dry_run: bool) -> Iterator[str]:
    target = shown(brought.target)
    if isinstance(brought, InUse) or brought.action == "nothing":
        yield f"{target} is in use and was left as it is"
        return
    how = "would be restored" if dry_run else "restored"
    files = text.count(brought.file_count, "file")
    yield (
        f"{_what(brought.offer)} {how} to {target} "
        f"({files}, {size.shown(brought.size_bytes)})"
    )
    if brought.replaced is not None:
        yield f"what was there before is now {shown(brought.replaced)}"
    if brought.action == "swap" and dry_run:
        yield "what is there now would be kept beside it"


def _what(offer: Offer) -> str:
    """Return in plain words which state came back."""
    version, about = offer.version, offer.about
    at = text.moment(version.taken_at)
    if about.unrecorded:
        return (
            f"{version.session}, including changes of {at} that are only on this host "
            "yet,"
        )
    ended = version.trigger == "final" or about.ended_at is not None
    end = ", as it was before its directory was removed," if ended else ""
    return f"{version.session}@{version.seq} of {at}{end}"


def warnings(brought: Brought) -> Iterator[str]:
    """Yield what somebody should know who takes this for all that there is."""
    if isinstance(brought, InUse) or brought.action == "nothing":
        return
    session, about = brought.offer.version.session, brought.offer.about
    if about.parked_newer:
        are = "version is" if about.parked_newer == 1 else "versions are"
        yield f"{about.parked_newer} newer {are} parked: `expokeep log {session}`"
    yield from map(text.held, map(held_document, about.held_elsewhere))


def _named(path: Path) -> str:
    """Return a path as documents have it."""
    return to_text(os.fsencode(path))
