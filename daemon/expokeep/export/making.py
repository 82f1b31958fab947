"""What an archive needs before its first byte: a tree and contents, proved."""

import datetime
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass

from expokeep.errors import IntegrityError
from expokeep.export.archives import Subject
from expokeep.export.heap import Blob, Heap
from expokeep.export.redaction import Redactor, Secret
from expokeep.model.digest import Digest
from expokeep.model.tree import Tree, files_in, tree_digest, validate
from expokeep.model.version import Version

Fetch = Callable[[Collection[Digest]], Iterable[Blob]]
Progress = Callable[[int, int], None]
"""Called with bytes done and bytes to do."""

_EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
_S_IN_NS = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Kept:
    """A version, as its source tells it."""

    version: Version
    tree: Tree
    mode: int
    """Of its root."""

    def __post_init__(self) -> None:
        if tree_digest(self.tree) != self.version.tree:
            what = f"{self.version.session}@{self.version.seq}"
            raise IntegrityError(f"the tree of {what} is not the one that was kept")
        try:
            validate(self.tree)
        except ValueError as error:
            raise IntegrityError(f"this version cannot be exported: {error}") from error


@dataclass(frozen=True, slots=True)
class Made:
    """What is to be written, and what looks like a secret in it or was left out."""

    subject: Subject
    secrets: tuple[Secret, ...]


def gathered(tree: Tree, fetch: Fetch, held: Heap, progress: Progress) -> None:
    """Bring all contents of a tree into a heap.

    Raises:
        IntegrityError: they are not what was kept, or not all of them came.
    """
    sizes = {entry.digest: entry.size_bytes for _, entry in files_in(tree)}
    wanted = {digest for digest in sizes if digest not in held}
    total_bytes, done_bytes = sum(sizes[digest] for digest in wanted), 0
    if not wanted:
        return
    for size_bytes in held.take(fetch(wanted)):
        done_bytes += size_bytes
        progress(done_bytes, total_bytes)
    if missing := [digest for digest in wanted if digest not in held]:
        raise IntegrityError(f"{len(missing)} contents did not come back")


def made(
    kept: Kept, held: Heap, patterns: Sequence[str] | None, *, redact: bool, name: str
) -> Made:
    """Return what is to be written, once the heap holds its contents.

    Args:
        kept: the version.
        held: its contents.
        patterns: of secret files; None to look for no secrets.
        redact: whether to leave out what looks like one.
        name: of the directory at the top.
    """
    tree, found = kept.tree, tuple[Secret, ...]()
    if patterns is not None:
        redactor = Redactor(patterns)
        for digest in redactor.unseen(tree):
            redactor.look(digest, held.read(digest))
        rest, found = redactor.split(tree)
        tree = rest if redact else tree
    taken_ns = int((kept.version.taken_at - _EPOCH).total_seconds()) * _S_IN_NS
    return Made(Subject(name, tree, kept.mode, taken_ns), found)
