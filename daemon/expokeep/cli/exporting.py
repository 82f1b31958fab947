"""Exports from the command line: a version, or a history, for other tools."""

import contextlib
import os
import sys
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import click
import msgspec

from expokeep.cli import text
from expokeep.cli.asking import asking, client
from expokeep.cli.bar import bar
from expokeep.cli.options import Options
from expokeep.cli.printing import as_json, sent_version
from expokeep.cli.remote import decode
from expokeep.errors import TargetExists
from expokeep.export.archives import Format, archived
from expokeep.export.documents import ExportTerms
from expokeep.export.heap import Blob, Heap, heap
from expokeep.export.making import Fetch, Kept, Made, gathered, made
from expokeep.export.output import refusals_named, written
from expokeep.export.redaction import Secret
from expokeep.model import size
from expokeep.model.digest import Digest
from expokeep.model.names import to_text
from expokeep.model.tree import files_in
from expokeep.restore.source import Offer, Source
from expokeep.worktree import checkout
from expokeep.worktree.checkout import Owner

_TOLD = 3
"""Secrets that a note names; the rest are counted."""


@dataclass(frozen=True, slots=True)
class Exporting:
    """What the caller wants written, and where."""

    version: str
    form: str
    target: Path | None
    """None: to stdout."""
    redact: bool = False
    allow_secrets: bool = False
    replace: bool = False


class Exported(
    msgspec.Struct, frozen=True, kw_only=True, tag_field="message_type", tag="exported"
):
    """What became of an export, as `--json` prints it."""

    session: str
    version: int | None
    format: str
    target: str
    size_bytes: int
    """Of what was written; of a directory, of its files."""
    tree: str
    """Of the version, whatever was left out."""
    left_out: tuple[str, ...] = ()
    """Files that look like secrets, with --redact."""
    secrets: tuple[str, ...] = ()
    """Files that look like secrets and are in it."""


def export(options: Options, wish: Exporting) -> None:
    """Write one version.

    Raises:
        TargetExists: something is there already.
        IntegrityError: what came is not what was kept. Nothing is there.
    """
    patterns = None
    if wish.redact or not wish.allow_secrets:
        patterns = secret_patterns(options)
    with asking(options) as asked:
        source = asked.source()
        offer = source.offer(sent_version(wish.version))
        kept = Kept(offer.version, offer.tree, offer.mode)
        with _heap(wish) as held:
            with bar(options, "fetching") as advance:
                gathered(offer.tree, fetch(source, offer), held, advance)
            name = offer.version.session
            found = made(kept, held, patterns, redact=wish.redact, name=name)
            size_bytes = _write(wish, found, held)
    _tell(options, wish, kept, found, size_bytes)


def fetch(source: Source, offer: Offer) -> Fetch:
    """Return what brings contents of a version."""

    def blobs(digests: Collection[Digest]) -> Iterator[Blob]:
        return source.blobs(offer, digests)

    return blobs


def secret_patterns(options: Options) -> Sequence[str]:
    """Return which files count as secret by their names, where versions are kept."""
    if options.direct:
        from expokeep.cli.direct import loaded  # noqa: PLC0415 - imports the drivers

        return loaded(options).settings.exclude_secrets
    return decode(client(options).get("/v1/exports/terms"), ExportTerms).secret_patterns


def to_stdout(chunks: Iterable[bytes]) -> int:
    """Write bytes where the next program reads them; return how many.

    Raises:
        UsageError: that is a terminal.
    """
    size_bytes = sum(map(sys.stdout.buffer.write, chunks))
    sys.stdout.buffer.flush()
    return size_bytes


def require_pipe() -> None:
    """Check that stdout is not a terminal, which would show it all."""
    if sys.stdout.isatty():
        raise click.UsageError("this is nothing for a terminal: name a file with -o")


def note_secrets(options: Options, found: Sequence[Secret]) -> None:
    """Say on stderr that others should not get this."""
    if not found or options.quiet:
        return
    named = ", ".join(text.path(to_text(one.path)) for one in found[:_TOLD])
    more = f" and {len(found) - _TOLD} more" if len(found) > _TOLD else ""
    click.echo(
        f"note: {named}{more} look like secrets and are in it; --redact leaves them "
        "out, --allow-secrets ends this note",
        err=True,
    )


@contextlib.contextmanager
def _heap(wish: Exporting) -> Iterator[Heap]:
    """Hold contents on the disk that they are for."""
    target = wish.target
    if target is None:
        with heap() as held:
            yield held
        return
    with contextlib.ExitStack() as stack:
        with refusals_named(target):
            held = stack.enter_context(heap(target.parent))
        yield held


def _write(wish: Exporting, found: Made, held: Heap) -> int:
    subject, target = found.subject, wish.target
    if wish.form == "dir":
        assert target is not None  # noqa: S101 - the verb saw to it
        return _directory(target, found, held)
    form: Format = msgspec.convert(wish.form, Format)
    chunks = archived(form, subject, held.read)
    if target is None:
        return to_stdout(chunks)
    return written(target, chunks, replace=wish.replace)


def _directory(target: Path, found: Made, held: Heap) -> int:
    """Make a directory, for the caller, which shows when it is whole."""
    subject = found.subject
    owner = Owner(os.geteuid(), os.getegid(), subject.mode)
    size_bytes = 0
    with (
        refusals_named(target),
        checkout.staging(target, subject.tree, owner) as staged,
    ):
        staged.make_directories()
        for path, entry in files_in(subject.tree):
            staged.write(path, held.read(entry.digest))
            size_bytes += entry.size_bytes
        staged.settle()
        staged.sync()
        try:
            staged.publish(os.fsencode(target.name))
        except TargetExists as error:
            error.hint = "Name another place with -o."
            raise
    return size_bytes


def _tell(
    options: Options, wish: Exporting, kept: Kept, found: Made, size_bytes: int
) -> None:
    version = kept.version
    inside = () if wish.redact else found.secrets
    if not wish.allow_secrets:
        note_secrets(options, inside)
    left_out = found.secrets if wish.redact else ()
    target = "-" if wish.target is None else to_text(os.fsencode(wish.target))
    if options.as_json:
        as_json(
            Exported(
                session=version.session,
                version=version.seq or None,
                format=wish.form,
                target=target,
                size_bytes=size_bytes,
                tree=version.tree.hex(),
                left_out=tuple(to_text(one.path) for one in left_out),
                secrets=tuple(to_text(one.path) for one in inside),
            )
        )
    elif not options.quiet:
        _say(wish, kept, size_bytes, len(left_out))


def _say(wish: Exporting, kept: Kept, size_bytes: int, left_out: int) -> None:
    version = kept.version
    name = f"{version.session}@{version.seq}" if version.seq else version.session
    where = "stdout" if wish.target is None else text.path(os.fspath(wish.target))
    less = f", without {text.count(left_out, 'secret')}" if left_out else ""
    line = f"{name} written to {where} ({size.shown(size_bytes)}{less})"
    click.echo(line, err=wish.target is None)
