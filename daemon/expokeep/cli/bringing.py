"""Restores from the command line: the same for `restore` and for `exec`."""

import sys
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import click
import msgspec

from expokeep.cli.asking import Asked, asking
from expokeep.cli.bar import Advance, bar
from expokeep.cli.brought import Brought, InUse, shown
from expokeep.cli.options import Options
from expokeep.cli.printing import as_json, sent_version
from expokeep.cli.strangers import require_own
from expokeep.cli.telling import told
from expokeep.errors import NotFound, TargetExists
from expokeep.hooks import due
from expokeep.model.digest import Digest
from expokeep.restore import target as places
from expokeep.restore import vanishing
from expokeep.restore.blob import Blob
from expokeep.restore.plan import Existing
from expokeep.restore.run import Result, Wish, restore
from expokeep.restore.source import Arrival, Offer, Source

_STEP = 20
"""Progress lines of `--json` over a whole restore."""
_PATIENCE_S = 240.0
"""After a reboot all sessions come at once. Their units wait for five minutes."""


class NeverKept(NotFound):
    """There is nothing to restore: no such session, or no such version of it."""


@dataclass(frozen=True, slots=True)
class Bringing:
    """What the caller wants back."""

    version: str
    target: Path | None
    globs: tuple[bytes, ...] = ()
    existing: Existing = "refuse"
    dry_run: bool = False
    parallelism: int | None = None
    force: bool = False
    """Take the session over, even from a host that is alive."""
    is_exact: bool = False
    """The session is named in full: no other that begins like it is meant."""

    @property
    def session(self) -> str:
        """The session that is named."""
        return self.version.partition("@")[0]


class Progress(
    msgspec.Struct, frozen=True, kw_only=True, tag_field="message_type", tag="progress"
):
    """How far a restore is, as `--json` prints it."""

    done_bytes: int
    total_bytes: int
    phase: str = "restore"


def bring(options: Options, wish: Bringing) -> Brought:
    """Restore a version, showing how far it is.

    A target that is in use, and is to stay so, needs neither a version nor a daemon:
    what is there must be able to start while the keeper is away, or has kept nothing.
    But not in what a stranger put there, if the keeper is there to say so.
    Where none is named, the daemon says where it is; no server is asked for that.
    Unless the site's command is still due in it, which the keeper has to name.

    Raises:
        NeverKept: there is nothing to restore.
        TargetExists: the target is another user's than the session.
    """
    if wish.existing == "keep" and wish.target is not None:
        target = _in_use(options, wish, wish.target.absolute())
        if target is not None and not due.is_marked(target):
            return InUse(wish.session, target)
    with asking(options, parallelism=wish.parallelism, patience_s=_PATIENCE_S) as asked:
        home = _home_in_use(options, asked, wish)
        if home is not None and not due.is_marked(home):
            return InUse(wish.session, home)
        source = _Offering(asked.source(), wish)
        try:
            if wish.dry_run:
                return _restored(options, wish, source)
            return told(asked, lambda: _restored(options, wish, source))
        except NeverKept:
            if home is None:
                raise
            return InUse(wish.session, home)


def _restored(options: Options, wish: Bringing, source: Source) -> Result:
    meant = Wish(
        version=sent_version(wish.version),
        target=wish.target,
        globs=wish.globs,
        existing=wish.existing,
        dry_run=wish.dry_run,
        force=wish.force,
    )
    if wish.existing == "swap" and not wish.dry_run and not options.yes:
        _confirm(source, meant)
    with bar(options, "restoring") as advance:
        result = restore(source, meant, _progress(options, advance))
    is_whole = not wish.dry_run and not wish.globs and result.action != "nothing"
    if is_whole and result.offer.after.command:
        # Before it is run: whoever is interrupted leaves it to the next one.
        due.mark(result.target)
    return result


def _confirm(source: Source, wish: Wish) -> None:
    """Ask before a tree is replaced, if there is somebody to ask.

    Raises:
        TargetExists: the answer was no.
    """
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        return
    planned = restore(source, replace(wish, dry_run=True))
    question = f"Replace {shown(planned.target)}, and keep what is there beside it?"
    if planned.action == "swap" and not click.confirm(question, err=True):
        error = TargetExists(f"{shown(planned.target)} was left as it is")
        error.hint = ""
        raise error


def _progress(options: Options, advance: Advance) -> Callable[[int, int], None]:
    told = -1

    def progress(done_bytes: int, total_bytes: int) -> None:
        nonlocal told
        advance(done_bytes, total_bytes)
        step = done_bytes * _STEP // total_bytes if total_bytes else _STEP
        if options.as_json and step > told:
            told = step
            as_json(Progress(done_bytes=done_bytes, total_bytes=total_bytes))

    return progress


def _in_use(options: Options, wish: Bringing, place: Path) -> Path | None:
    """Return a place that somebody uses, and who uses it may.

    Raises:
        TargetExists: it is another user's than the session.
    """
    if places.state(place) != "occupied":
        return None
    vanishing.wait_for_end(place)
    if places.state(place) != "occupied":
        return None
    require_own(options, wish.session, place)
    return place


def _home_in_use(options: Options, asked: Asked, wish: Bringing) -> Path | None:
    """Return the session's own directory, if it is meant, in use, and to stay so."""
    if wish.existing != "keep" or wish.target is not None:
        return None
    home = asked.home(wish.session)
    return _in_use(options, wish, home) if home is not None else None


class _Offering:
    """A source that is asked for its version once, and says if there is none."""

    def __init__(self, source: Source, wish: Bringing) -> None:
        self._source = source
        self._wish = wish
        self._offers: dict[str, Offer] = {}

    def offer(self, version: str) -> Offer:
        if version not in self._offers:
            try:
                self._offers[version] = self._source.offer(version)
            except NotFound as error:
                never = NeverKept(str(error))
                never.hint = error.hint
                raise never from error
        offer = self._offers[version]
        if self._wish.is_exact and offer.version.session != self._wish.session:
            raise NeverKept(f"no session {self._wish.session} is kept")
        return offer

    def blobs(self, offer: Offer, digests: Collection[Digest]) -> Iterator[Blob]:
        return self._source.blobs(offer, digests)

    def arriving(self, arrival: Arrival) -> None:
        self._source.arriving(arrival)
