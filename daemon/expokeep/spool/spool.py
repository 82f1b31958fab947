"""The spool: a snapshot that is in here is not lost, whatever happens to the network.

One directory per entry, `<session>/<number>-<pack>`, built under a name that a restart
throws away and renamed to its own only when every byte is on disk. The numbers give the
order in which a session's entries must be recorded. Who drops an entry has recorded it.
"""

import contextlib
import errno
import os
import shutil
import threading
import uuid
from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from expokeep.errors import ExpokeepError, NoSpace
from expokeep.log import get
from expokeep.model.names import SessionId
from expokeep.spool.entry import (
    NOTE_FILE,
    Backlog,
    Note,
    SpoolDamaged,
    SpooledPack,
    SpoolEntry,
    encode_note,
    entry_name,
    read_entry,
)

__all__ = ["Note", "Spool", "SpoolEntry", "SpoolFailing", "SpooledPack"]

log = get(__name__)

_DRAFT = "draft-"
_FULL = (errno.ENOSPC, errno.EDQUOT)
_FAILING = (errno.EIO, errno.EROFS, errno.EMFILE, errno.ENFILE, errno.EUCLEAN)


class SpoolFailing(ExpokeepError):
    """The spool cannot be written. What was in it before is as it was."""

    transient = True
    hint = "See RUNBOOK, `The spool is full, or a disk is failing`."


class Spool:
    """All entries of one state directory. Safe to use from several threads."""

    def __init__(self, path: Path, *, fsync: bool = True) -> None:
        self._path = path
        self._fsync = fsync
        self._lock = threading.Lock()
        self._entries: dict[SessionId, list[SpoolEntry]] = {}
        self._held: set[Path] = set()
        self.damaged: list[Path] = []
        """Entries that could not be read, and were left where they are."""

    def open(self) -> None:
        """Read what a former process left, and throw away what it had not finished."""
        self._path.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._sync(self._path)  # a killed process may not have come to it
        for directory in sorted(self._path.glob("[!.]*/*")):
            if directory.name.startswith(_DRAFT):
                _throw_away(directory)
                continue
            try:
                entry = read_entry(directory)
            except SpoolDamaged as error:
                reason = str(error)  # a bare file name or a JSON fault, no traceback
                log.error("spool entry damaged", reason=reason)  # noqa: TRY400
                self.damaged.append(directory)
                continue
            self._entries.setdefault(entry.note.session, []).append(entry)
        for waiting in self._entries.values():
            for old in waiting[:]:
                if any(entry.replaces(old) for entry in waiting):
                    waiting.remove(old)  # killed after the fold, before this
                    with contextlib.suppress(OSError):
                        _throw_away(_renamed(old))

    @contextlib.contextmanager
    def draft(self, session: SessionId, pack: uuid.UUID) -> Iterator[Path]:
        """Give a directory to build an entry in; what is not sealed is removed.

        Whatever fails in here, a flush to the disk above all, fails the draft: it is
        never tried again on the same files, but thrown away and built anew.

        Raises:
            NoSpace: the disk is full.
            SpoolFailing: the disk fails, or is read-only, or we may open no more files.
        """
        draft = self._path / session / f"{_DRAFT}{pack}"
        try:
            with _refusals_named():
                self._make_place(draft.parent)
                draft.mkdir(mode=0o700)
                yield draft
        finally:
            shutil.rmtree(draft, ignore_errors=True)

    def seal(self, draft: Path, note: Note) -> SpoolEntry:
        """Make a draft an entry. The pack files in it are on disk already."""
        self._write_note(draft, note)
        with self._lock:
            siblings = self._entries.get(note.session, [])
            number = siblings[-1].number + 1 if siblings else 1
            place = draft.with_name(entry_name(number, note.packs[0].id))
            self._rename(draft, place)
            entry = SpoolEntry(place, number, note)
            self._entries.setdefault(note.session, []).append(entry)
        return entry

    def seal_fold(self, draft: Path, note: Note, olds: Sequence[SpoolEntry]) -> None:
        """Make a draft the one entry in the place of `olds`, which the caller holds.

        It stands where the newest of them stood, and bears its pack's id. From the
        rename on they are as good as gone: who finds them later drops them, as the
        caller is to do at once.
        """
        self._write_note(draft, note)
        newest = olds[-1]
        name = entry_name(newest.number, newest.pack, newest.fold + 1)
        with self._lock:
            self._rename(draft, draft.with_name(name))
            entry = SpoolEntry(draft.with_name(name), newest.number, note)
            siblings = self._entries[note.session]
            siblings[siblings.index(newest)] = entry
            for old in olds[:-1]:
                siblings.remove(old)

    def amend(self, entry: SpoolEntry, note: Note) -> SpoolEntry:
        """Give an entry that the caller holds another note, in one step.

        Whatever packs the note names more are on disk already.

        Raises:
            NoSpace, SpoolFailing: it is as it was.
        """
        fresh = entry.directory / f"{NOTE_FILE}.new"
        with _refusals_named():
            self._write_note(entry.directory, note, fresh.name)
            fresh.replace(entry.directory / NOTE_FILE)
            self._sync(entry.directory)
        amended = replace(entry, note=note)
        with self._lock:
            siblings = self._entries[note.session]
            siblings[siblings.index(entry)] = amended
        return amended

    @contextlib.contextmanager
    def held(self, entries: Collection[SpoolEntry]) -> Iterator[bool]:
        """Keep entries from all others who would ship or fold them.

        Yields whether they are ours; if not, somebody holds one of them, or one of them
        waits no more.
        """
        wanted = {entry.directory for entry in entries}
        with self._lock:
            ours = self._held.isdisjoint(wanted) and all(
                entry in self._entries.get(entry.note.session, ()) for entry in entries
            )
            if ours:
                self._held |= wanted
        try:
            yield ours
        finally:
            if ours:
                with self._lock:
                    self._held -= wanted

    def drop(self, entry: SpoolEntry) -> None:
        """Remove an entry that has been recorded, or that another one tells.

        Raises:
            OSError: it is as it was.
        """
        remains = _renamed(entry)
        with self._lock:
            siblings = self._entries.get(entry.note.session, [])
            if entry in siblings:
                siblings.remove(entry)
            if not siblings:
                self._entries.pop(entry.note.session, None)
        _throw_away(remains)

    def settle(self, directory: Path, entry: SpoolEntry | None) -> None:
        """Take an entry in that was mended, or let go of one that was moved aside."""
        with self._lock:
            for waiting in self._entries.values():
                waiting[:] = [one for one in waiting if one.directory != directory]
            self.damaged[:] = [one for one in self.damaged if one != directory]
            if entry is not None:
                waiting = self._entries.setdefault(entry.note.session, [])
                waiting.append(entry)
                waiting.sort(key=lambda one: one.number)
            for session in [one for one in self._entries if not self._entries[one]]:
                del self._entries[session]

    def first(self, session: SessionId) -> SpoolEntry | None:
        """Return what is to be recorded next of a session."""
        with self._lock:
            return next(iter(self._entries.get(session, ())), None)

    def pending(self, session: SessionId) -> list[SpoolEntry]:
        """Return what waits for a session, in the order of its recording."""
        with self._lock:
            return list(self._entries.get(session, ()))

    def sessions(self) -> list[SessionId]:
        """Return the sessions for which something waits."""
        with self._lock:
            return list(self._entries)

    def backlog(self, session: SessionId | None = None) -> Backlog:
        """Return how much waits, for one session or for all."""
        with self._lock:
            entries = [
                entry
                for sid, siblings in self._entries.items()
                if session in (None, sid)
                for entry in siblings
            ]
        return Backlog(
            entries=len(entries),
            size_bytes=sum(p.size_bytes for e in entries for p in e.note.packs),
            oldest_at=min((e.note.waits_since for e in entries), default=None),
            disk_bytes=sum(entry.disk_bytes for entry in entries),
            folds=sum(bool(entry.note.folds) for entry in entries),
        )

    def _make_place(self, place: Path) -> None:
        """Make the directory of a session, so that a loss of power leaves it there."""
        with contextlib.suppress(FileExistsError):
            place.mkdir(mode=0o700)
            try:
                self._sync(self._path)
            except OSError:
                place.rmdir()  # or the next one would take it for being on disk
                raise

    def _write_note(self, draft: Path, note: Note, name: str = NOTE_FILE) -> None:
        with (draft / name).open("wb") as out:
            out.write(encode_note(note))
            out.flush()
            if self._fsync:
                os.fsync(out.fileno())
        self._sync(draft)

    def _rename(self, draft: Path, place: Path) -> None:
        draft.rename(place)
        try:
            self._sync(place.parent)
        except OSError:
            place.rename(draft)  # nobody was told of it, and it will be made anew
            raise

    def _sync(self, directory: Path) -> None:
        if not self._fsync:
            return
        descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


@contextlib.contextmanager
def _refusals_named() -> Iterator[None]:
    """Turn what the disk refuses into errors that say what to do."""
    try:
        yield
    except OSError as error:
        if error.errno in _FULL:
            full = NoSpace(f"the spool is full: {error}")
            full.hint = "Make room: it is tried again at once. What is in it is safe."
            raise full from error
        if error.errno in _FAILING:
            raise SpoolFailing(f"the spool cannot be written: {error}") from error
        raise


def _renamed(entry: SpoolEntry) -> Path:
    """Make an entry none: killed before it is removed, a restart must not find half."""
    remains = entry.directory.with_name(f"{_DRAFT}{entry.directory.name}")
    entry.directory.rename(remains)
    return remains


def _throw_away(remains: Path) -> None:
    """Remove what is no entry any more; a restart does it, should it fail."""
    try:
        shutil.rmtree(remains)
    except OSError as error:
        log.warning("remains of a spool entry stay", error=str(error))
