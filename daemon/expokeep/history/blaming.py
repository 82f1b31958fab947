"""Whose each line of a file is: the version that brought it, through all renames.

The chain of versions is walked from the newest to the oldest by what the catalog says
of one path; only contents that differ from the ones before them are fetched, at once.
"""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from expokeep.catalog.base import Catalog
from expokeep.catalog.past_values import State
from expokeep.errors import ExpokeepError, NotFound, UsageError
from expokeep.history.attribution import attributed
from expokeep.history.blame_documents import Blame, BlamedLine
from expokeep.history.changes import changes
from expokeep.history.contents import Reader
from expokeep.history.past import Past
from expokeep.history.patch_text import is_binary, lines_of
from expokeep.model.digest import Digest
from expokeep.model.documents import version_document
from expokeep.model.names import for_terminal, to_text
from expokeep.model.tree import Entry, File, Tree
from expokeep.model.version import Version

MAX_BYTES = 1024 * 1024
"""Larger files are not blamed."""
MAX_VERSIONS = 20_000
MAX_STATES = 1000
MAX_TOTAL_BYTES = 64 * 1024 * 1024
"""So many states of a file, and so much, is read at most: what is older than that
counts as of the oldest."""
MAX_RENAMES = 50


@dataclass(frozen=True, slots=True)
class Step:
    """A version that gave a file other contents, and how the file was called then."""

    version: Version
    path: bytes
    file: File


class _Lives:
    """All that a path ever was, found by version."""

    def __init__(self, states: Iterable[State]) -> None:
        self._by_epoch: dict[int, list[State]] = defaultdict(list)
        for state in sorted(states, key=lambda state: state.valid_from):
            self._by_epoch[state.epoch].append(state)

    def file_at(self, version: Version) -> File | None:
        """Return the file that a version has at the path, if it has one there."""
        states = self._by_epoch.get(version.epoch, [])
        at = bisect_right(states, version.seq, key=lambda state: state.valid_from) - 1
        if at < 0:
            return None
        state = states[at]
        is_over = state.valid_to is not None and version.seq >= state.valid_to
        return state.entry if isinstance(state.entry, File) and not is_over else None


@dataclass(frozen=True, slots=True)
class Blaming:
    """Asks the catalog, and brings contents."""

    catalog: Catalog
    past: Past
    reader: Reader

    def blame(self, version: Version, path: bytes) -> Blame:
        """Return whose each line of a file is.

        Raises:
            NotFound: there is no such path.
            UsageError: it is no file, not text, or too large.
        """
        tree = self.catalog.tree(version)
        file = _required(version, path, tree.get(path))
        chain = self.past.chain(version.session, version.seq, limit=MAX_VERSIONS)
        found = list(self._steps(chain, path, tree))
        steps = _affordable(found)
        contents = self.reader.read({step.file.digest for step in steps})
        if is_binary(contents[file.digest]):
            raise UsageError(f"{for_terminal(path)} is not text: it has no lines")
        texts: list[list[str]] = []
        for step in steps:
            if is_binary(contents[step.file.digest]):
                break  # it became text after this: there is nothing older to know
            texts.append(lines_of(contents[step.file.digest]))
        lines, owners = attributed(reversed(texts))
        told = list(reversed(steps[: len(texts)]))
        is_cut = len(texts) == len(steps) and (
            len(steps) < len(found) or len(chain) == MAX_VERSIONS
        )
        return _document(
            (version, path),
            [(told[at], line) for at, line in zip(owners, lines, strict=True)],
            truncated=is_cut,
        )

    def _steps(
        self, chain: Sequence[Version], path: bytes, last: Tree
    ) -> Iterator[Step]:
        """Yield the versions that changed a file, newest first; `last` is the newest's.

        Where it came, what `last` does not have any more counts as gone already: an
        edit is kept at once, and a deletion is believed some time later.
        """
        lives = self._lives(chain[0], path)
        here = lives.file_at(chain[0])
        renames = 0
        for newer, older in zip(chain, (*chain[1:], None), strict=True):
            if here is None:
                return
            step = Step(newer, path, here)
            here = lives.file_at(older) if older else None
            if here is None and older is not None and renames < MAX_RENAMES:
                source = self._source(older, newer, path, last)
                if source is not None:
                    path, renames = source, renames + 1
                    lives = self._lives(older, path)
                    here = lives.file_at(older)
            if here is None or here.digest != step.file.digest:
                yield step

    def _lives(self, version: Version, path: bytes) -> _Lives:
        return _Lives(self.past.lives(version.session, path))

    def _source(
        self, older: Version, newer: Version, path: bytes, last: Tree
    ) -> bytes | None:
        """Return what a file was called in the version before it came, if it moved."""
        before, after = self.catalog.tree(older), self.catalog.tree(newer)
        going = before.keys() - last.keys() - {path}
        trees = (
            before,
            {name: one for name, one in after.items() if name not in going},
        )
        try:
            found = changes(*trees, self.reader.read)
        except ExpokeepError:
            found = changes(*trees)  # what was edited as well counts as new
        moved = {one.path: one.old_path for one in found if one.kind == "R"}
        return moved.get(path)


def _required(version: Version, path: bytes, entry: Entry | None) -> File:
    name = for_terminal(path)
    if entry is None:
        raise NotFound(f"{version.session}@{version.seq} has no {name}")
    if not isinstance(entry, File):
        raise UsageError(f"{name} is no file: it has no lines")
    if entry.size_bytes > MAX_BYTES:
        raise UsageError(f"{name} is larger than 1 MiB")
    return entry


def _affordable(steps: Sequence[Step]) -> Sequence[Step]:
    """Return the newest steps whose contents may be read."""
    seen: set[Digest] = set()
    total_bytes = 0
    for count, step in enumerate(steps):
        if step.file.digest not in seen:
            seen.add(step.file.digest)
            total_bytes += step.file.size_bytes
        if len(seen) > MAX_STATES or total_bytes > MAX_TOTAL_BYTES:
            return steps[:count]
    return steps


def _document(
    asked: tuple[Version, bytes],
    lines: Sequence[tuple[Step, str]],
    *,
    truncated: bool,
) -> Blame:
    version, path = asked
    named = {step.version.seq: step.version for step, _ in lines}
    return Blame(
        version=version_document(version),
        path=to_text(path),
        lines=tuple(
            BlamedLine(
                seq=step.version.seq,
                text=line.removesuffix("\n"),
                path=to_text(step.path) if step.path != path else None,
            )
            for step, line in lines
        ),
        versions=tuple(version_document(named[seq]) for seq in sorted(named)),
        truncated=truncated,
    )
