"""Looks at a session's disk: scan, read what is not known, and say what is there."""

import os
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field
from functools import partial

from expokeep.model import ignore
from expokeep.model.ignore import MAX_IGNORE_FILE_BYTES, Rules
from expokeep.model.tree import Entry, files_in, size_bytes
from expokeep.pack.format import BIG_FILE_BYTES
from expokeep.snapshot.values import Policy
from expokeep.worktree.index import Index, Known
from expokeep.worktree.own import NotOwn, open_own
from expokeep.worktree.reading import YOUNG_NS, Contents, KeptChanging, read
from expokeep.worktree.root import Root
from expokeep.worktree.scan import (
    Limits,
    Reason,
    Survey,
    Suspect,
    excluding,
    survey,
)
from expokeep.worktree.system import is_our_own

HOLD_BYTES = 64 * 1024 * 1024
"""Contents kept in memory between the scan and the pack; beyond that they are read
again, and must then be what they were."""
BATCH_BYTES = 16 * 1024 * 1024
BATCH_FILES = 256


@dataclass(slots=True)
class Look:
    """What is there now."""

    entries: dict[bytes, Entry]
    known: dict[bytes, Known]
    skipped: dict[bytes, Reason]
    excluded_count: int
    held: dict[bytes, bytes] = field(default_factory=dict)
    """Bytes of files that were read just now, as far as there was room."""
    unread_bytes: int = 0
    """Of the largest files, which were not even read: they fit into no build."""
    _held_bytes: int = 0

    def take(self, contents: Contents) -> None:
        """Add a file that was read."""
        self.entries[contents.path] = contents.entry
        self.known[contents.path] = contents.known
        if contents.data is None:
            return
        if self._held_bytes + len(contents.data) <= HOLD_BYTES:
            self.held[contents.path] = contents.data
            self._held_bytes += len(contents.data)

    def leave_out(self, path: bytes) -> None:
        """Leave a file out that there is no room for; what it is stays known."""
        del self.entries[path]
        self.held.pop(path, None)
        self.skipped[path] = "build too big"

    @property
    def left_out(self) -> frozenset[bytes]:
        """Files that are gone from what is kept, though they are there."""
        return frozenset(
            path for path, why in self.skipped.items() if why == "build too big"
        )

    def give_up_on(self, path: bytes) -> None:
        """Leave a file out that would not hold still; its session will be back."""
        self.entries.pop(path, None)
        self.known.pop(path, None)
        self.skipped[path] = "kept changing"


def look(
    root: Root, index: Index, policy: Policy, now_ns: int, executor: Executor
) -> Look:
    """Return what is below `root`.

    Files are read on the threads of `executor`, where there are many.

    Raises:
        OSError: the root itself cannot be listed, or we are out of descriptors.
    """
    rules = rules_of(root, policy)
    limits = Limits(policy.max_file_bytes)
    found = survey(root, excluding(rules), index.known, limits)
    seen = Look(
        entries=found.entries,
        known={
            path: index.known[path] for path in found.entries if path in index.known
        },
        skipped=found.skipped,
        excluded_count=found.excluded_count,
    )
    read_one = partial(_read, root, index.known, now_ns - YOUNG_NS)
    for some in _batches(_fitting(found, policy.max_build_bytes, seen)):
        taken = map(read_one, some) if len(some) < 2 else executor.map(read_one, some)
        for suspect, result in zip(some, taken, strict=True):
            if isinstance(result, Contents):
                seen.take(result)
            elif result is not None:
                seen.skipped[suspect.path] = result
    return seen


def rules_of(root: Root, policy: Policy) -> Rules:
    """Return what is left out: the host's excludes and the project's ignore file."""
    try:
        descriptor = open_own(root, os.fsencode(policy.ignore_file))
    except OSError as error:
        if is_our_own(error):
            raise  # what a project leaves out may be its secrets
        return ignore.rules(policy.excludes)
    try:
        contents = os.read(descriptor, MAX_IGNORE_FILE_BYTES)
    finally:
        os.close(descriptor)
    return ignore.rules(policy.excludes, ignore.project_lines(contents))


def _fitting(found: Survey, most: int | None, seen: Look) -> list[Suspect]:
    """Return the files to read; not the largest, while all are more than a build.

    They would be left out after they were read, and a sparse one is as large as its
    owner says, and costs nothing.
    """
    suspects = found.suspects
    has = size_bytes(found.entries) + sum(one.signature[0] for one in suspects)
    if most is None or has <= most:
        return suspects
    known = [(file.size_bytes, path, None) for path, file in files_in(found.entries)]
    unknown = [(one.signature[0], one.path, one) for one in suspects]
    for size, path, suspect in sorted(
        [*known, *unknown], key=lambda one: (-one[0], one[1])
    ):
        if has <= most:
            break
        has -= size
        if suspect is not None:
            seen.skipped[path] = "build too big"
            seen.unread_bytes += size
    return [one for one in suspects if one.path not in seen.skipped]


def _batches(suspects: Sequence[Suspect]) -> Iterator[list[Suspect]]:
    """Yield files to read at once: few enough to be held in memory."""
    some: list[Suspect] = []
    size_bytes = 0
    for suspect in suspects:
        some.append(suspect)
        size_bytes += min(suspect.signature[0], BIG_FILE_BYTES)
        if size_bytes >= BATCH_BYTES or len(some) >= BATCH_FILES:
            yield some
            some, size_bytes = [], 0
    if some:
        yield some


def _read(
    root: Root, known: Mapping[bytes, Known], young_ns: int, suspect: Suspect
) -> Contents | Reason | None:
    """Return a file, or why it is left out; None if it is gone."""
    try:
        return read(
            root,
            suspect,
            known.get(suspect.path),
            young_ns=young_ns,
            hold_bytes=BIG_FILE_BYTES - 1,
        )
    except KeptChanging:
        return "kept changing"
    except FileNotFoundError:
        return None  # between the scan and the reading: its event brings us back
    except NotOwn as error:
        return error.why
    except OSError as error:
        if is_our_own(error):
            raise
        return "unreadable"
