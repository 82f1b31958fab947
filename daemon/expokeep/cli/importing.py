"""Imports from the command line: what came from outside becomes a session.

The directory shows when it is whole, and is saved at once. If that is refused, it goes
again: what is not kept must not stand in the way of what will be.
"""

import contextlib
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import click
import msgspec

from expokeep.cli import text
from expokeep.cli.asking import client
from expokeep.cli.bar import bar
from expokeep.cli.options import Options
from expokeep.cli.printing import as_json
from expokeep.cli.remote import decode
from expokeep.control.client import segment
from expokeep.errors import (
    AccessDenied,
    NotFound,
    Partial,
    QuotaExceeded,
    TargetExists,
    UsageError,
)
from expokeep.export.checked_in import checked_in
from expokeep.export.cloning import cloned, origin
from expokeep.export.documents import ExportTerms
from expokeep.export.heap import heap
from expokeep.export.incoming import Bounds, Incoming
from expokeep.export.unarchiving import unarchived
from expokeep.history.saved import Saved
from expokeep.model import size
from expokeep.model.names import (
    SessionId,
    new_session_id,
    parse_session_id,
    to_text,
)
from expokeep.model.tree import Tree, file_count, files_in, size_bytes
from expokeep.restore import target as places
from expokeep.worktree import checkout
from expokeep.worktree.checkout import Owner

CLONE_S = 600.0
_TERMS = "/v1/exports/terms"
_COPIED_BYTES = 1024 * 1024
_CLONE_TIMES = 2
"""A repository has more than its files."""

Take = Callable[[Incoming], str]
"""Takes what comes; returns what it is to be called, in a message."""


@dataclass(frozen=True, slots=True)
class ImportWish:
    """What the caller wants."""

    session: str | None
    user: str | None
    message: str | None
    name: str | None
    owner: tuple[int, int] | None
    """To whom the files are given: only root may give them away."""


class Imported(
    msgspec.Struct, frozen=True, kw_only=True, tag_field="message_type", tag="imported"
):
    """What became of an import, as `--json` prints it."""

    session: str
    version: int | None
    directory: str
    file_count: int
    size_bytes: int
    skipped: tuple[tuple[str, str], ...]
    """Paths that were left out, each with a reason."""


def import_archive(options: Options, wish: ImportWish, archive: Path | None) -> None:
    """Begin a session with an archive; None: from stdin."""

    def take(incoming: Incoming) -> str:
        with _opened(archive, incoming.bounds.max_bytes) as file:
            unarchived(file, incoming)
        named = "stdin" if archive is None else to_text(os.fsencode(archive.name))
        return f"imported from {named}"

    _imported(options, wish, take)


def import_git(options: Options, wish: ImportWish, place: str, ref: str | None) -> None:
    """Begin a session with the newest commit of a repository."""
    source = origin(place, ref)
    timeout_s = options.timeout_s or CLONE_S

    def take(incoming: Incoming) -> str:
        most = _CLONE_TIMES * incoming.bounds.max_bytes
        with cloned(source, most, timeout_s) as clone:
            commit = checked_in(clone, incoming)
        return f"imported from {source.url} at {commit[:12]}"

    _imported(options, wish, take)


def _imported(options: Options, wish: ImportWish, take: Take) -> None:
    terms = decode(client(options).get(_TERMS), ExportTerms)
    session = _new_session(options, wish)
    target = Path(terms.sessions_directory) / f"expo-{session}"
    if places.state(target) == "occupied":
        raise _occupied(target)
    bounds = Bounds(terms.max_build_bytes, terms.max_file_bytes)
    with heap(target.parent if os.access(target.parent, os.W_OK) else None) as held:
        incoming = Incoming(held, bounds)
        message = take(incoming)
        tree = incoming.tree()
        places.require_room(target, tree)
        _require_room(options, wish, session, size_bytes(tree))
        _show(target, tree, incoming, wish.owner)
    saved = _saved(options, wish, (session, target, wish.message or message))
    document = Imported(
        session=session,
        version=saved.version,
        directory=to_text(os.fsencode(target)),
        file_count=file_count(tree),
        size_bytes=size_bytes(tree),
        skipped=tuple(
            (to_text(path), reason) for path, reason in sorted(incoming.skipped.items())
        ),
    )
    _tell(options, document, saved)


def _new_session(options: Options, wish: ImportWish) -> SessionId:
    """Return a session of which nothing is kept.

    Raises:
        TargetExists: something is.
    """
    if wish.session is None:
        return new_session_id()
    try:
        session = parse_session_id(wish.session)
    except ValueError as error:
        raise UsageError(str(error)) from error
    try:
        client(options).get(f"/v1/versions/{segment(session)}")
    except NotFound:
        return session
    kept = TargetExists(f"session {session} is kept already")
    kept.hint = "Name another with --session, or leave it out for a new one."
    raise kept


def _require_room(
    options: Options, wish: ImportWish, session: SessionId, most_bytes: int
) -> None:
    """Check it before the directory shows: from then on the daemon keeps it.

    Raises:
        QuotaExceeded: whoever is to own the session has no room for it.
    """
    user = wish.user or options.behalf
    if user is not None:
        asked = client(options, for_itself=True)
        asked.get(_TERMS, user=user, session=session, size_bytes=most_bytes)


def _show(
    target: Path, tree: Tree, incoming: Incoming, given: tuple[int, int] | None
) -> None:
    """Make the directory, which shows when it is whole."""
    uid, gid = given or (os.geteuid(), os.getegid())
    with (
        places.refusals_named(target),
        checkout.staging(target, tree, Owner(uid, gid)) as staged,
    ):
        staged.make_directories()
        for path, entry in files_in(tree):
            staged.write(path, incoming.held.read(entry.digest))
        staged.settle()
        staged.sync()
        try:
            staged.publish(os.fsencode(target.name))
        except TargetExists:
            raise _occupied(target) from None


def _saved(
    options: Options, wish: ImportWish, what: tuple[SessionId, Path, str]
) -> Saved:
    session, target, message = what
    body: Mapping[str, str | None] = {
        "message": message,
        "user": wish.user or options.behalf,
        "name": wish.name,
    }
    # The session is nobody's yet, so the user on whose behalf this is cannot save it:
    # whoever may ask on somebody's behalf may give it to that one.
    asked = client(options, for_itself=True)
    path, saved = f"/v1/sessions/{segment(session)}/save", None
    try:
        with bar(options, "uploading") as advance:
            for line in asked.lines("POST", path, body):
                if line["message_type"] == "saved":
                    saved = decode(msgspec.json.encode(line), Saved)
                else:
                    advance(line["done_bytes"], line["total_bytes"])
    except (NotFound, AccessDenied, QuotaExceeded):
        shutil.rmtree(target, ignore_errors=True)
        raise
    if saved is None:
        raise Partial("the daemon did not say how it ended; see `expokeep status`")
    return saved


@contextlib.contextmanager
def _opened(archive: Path | None, max_bytes: int) -> Iterator[IO[bytes]]:
    """Hold an archive that can seek."""
    if archive is not None:
        try:
            file = archive.open("rb")
        except OSError as error:
            named = text.path(to_text(os.fsencode(archive)))
            raise UsageError(f"cannot read {named}: {error.strerror}") from error
        with file:
            yield file
        return
    with tempfile.TemporaryFile() as copy:
        while chunk := sys.stdin.buffer.read(_COPIED_BYTES):
            if copy.tell() + len(chunk) > max_bytes:
                raise QuotaExceeded(f"it is larger than {size.shown(max_bytes)}")
            copy.write(chunk)
        copy.seek(0)
        yield copy


def _tell(options: Options, document: Imported, saved: Saved) -> None:
    if options.as_json:
        as_json(document)
    elif options.quiet:
        click.echo(document.session)
    else:
        files = text.count(document.file_count, "file")
        click.echo(
            f"{document.session} begins with {files} "
            f"({size.shown(document.size_bytes)}) in {text.path(document.directory)}: "
            f"version {saved.version}"
        )
    if document.skipped:
        path, reason = document.skipped[0]
        much = text.count(len(document.skipped), "path")
        raise Partial(f"{much} left out: {text.path(path)} is {reason}")


def _occupied(target: Path) -> TargetExists:
    error = TargetExists(f"{text.path(to_text(os.fsencode(target)))} is in use")
    error.hint = "Name another with --session, or leave it out for a new one."
    return error
