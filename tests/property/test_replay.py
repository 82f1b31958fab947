"""A replay of an early journal is what was on disk, whatever was done there.

A model of a directory does random things: writes, renames of files and of directories,
deletions, snapshots that succeed, fail, or are killed between two of their steps. The
journal tells of all but the deletions.
"""

import tempfile
import uuid
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from expokeep.model.digest import digest_of
from expokeep.model.names import SessionId, parents
from expokeep.model.tree import Directory, Entry, File, Link, validate
from expokeep.snapshot.replay import Fresh, FreshLink, replayed
from expokeep.spool.early import FileTaken, Life, LinkTaken, Moved, Scanned
from expokeep.spool.journal import Journals

LIFE = Life(SessionId("shop"), b"/tmp/expo-shop", 1, 2, 3, 1000, 1000, 0o755)
NAMES = st.sampled_from([b"a", b"b"])
PATHS = st.lists(NAMES, min_size=1, max_size=3).map(b"/".join)
PLACES = st.integers(0, 20)
"""Of one of the paths that are there; so few names that they meet often."""
STEPS = st.one_of(
    st.tuples(st.just("write"), PATHS),
    st.tuples(st.just("link"), PATHS),
    st.tuples(st.just("move"), PLACES, PATHS),
    st.tuples(st.just("delete"), PLACES),
    st.tuples(st.just("snapshot"), st.sampled_from(["kept", "failed", "killed"])),
    st.tuples(st.just("restart")),
)
SNAPSHOTS = ("snapshot", "restart")
RACES = st.tuples(
    st.just("race"),
    st.lists(
        STEPS.filter(lambda one: one[0] not in ("snapshot", "restart")), max_size=3
    ),
    st.booleans(),
    st.booleans(),
)
"""Something happens after a snapshot has begun, and before it has looked."""


class Disk:
    """A directory as its user sees it, and what is told of it."""

    def __init__(self, top: Path) -> None:
        self.journals = Journals(top, fsync=False)
        self.journal = self.journals.of(LIFE)
        self.tree: dict[bytes, Entry] = {}
        self.contents: dict[bytes, bytes] = {}
        self.kept: dict[bytes, Entry] = {}
        self.newest: uuid.UUID | None = None
        self.count = 0

    def do(self, step: tuple[str, ...]) -> None:
        getattr(self, step[0])(*step[1:])

    def write(self, path: bytes) -> None:
        if not self._has_room(path):
            return
        self.count += 1
        data = b"number %d" % self.count
        entry = File(digest_of(data), len(data), 0o644, self.count)
        self._put(path, entry)
        self.contents[entry.digest] = data
        self.journal.append(FileTaken(path, 0o644, self.count), data)

    def link(self, path: bytes) -> None:
        if self._has_room(path):
            self.count += 1
            self._put(path, Link(b"%d" % self.count))
            self.journal.append(LinkTaken(path, b"%d" % self.count))

    def move(self, place: int, new: bytes) -> None:
        old = self._at(place)
        if old is None or old == new or new.startswith(old + b"/"):
            return
        there = self.tree.get(new)
        is_directory = isinstance(self.tree[old], Directory)
        blocked = not self._has_room(new, directory=is_directory)
        if blocked or (is_directory and there is not None):
            return
        moving = self._within(old)
        for path in moving:
            del self.tree[path]
        for path, entry in moving.items():
            self._put(new + path[len(old) :], entry)
        self.journal.append(Moved(old, new))
        # A file is opened at its new name, as any other that arrives.
        if isinstance(entry := moving[old], File):
            data = self.contents[entry.digest]
            self.journal.append(FileTaken(new, 0o644, entry.mtime_ns), data)

    def delete(self, place: int) -> None:
        path = self._at(place)
        for gone in self._within(path) if path is not None else ():
            del self.tree[gone]

    def snapshot(self, how: str) -> None:
        turn = self.journal.rotate(self.newest)
        self.journal.append(Scanned())
        if how == "failed":
            return
        self.kept, self.newest = dict(self.tree), uuid.UUID(int=self.count + 1)
        self.count += 1
        if how == "kept":
            self.journal.replace(turn, self.newest, [])

    def race(self, steps: list[tuple[str, ...]], saw_them: bool, killed: bool) -> None:
        turn = self.journal.rotate(self.newest)
        before = dict(self.tree)
        for step in steps:
            self.do(step)
        self.journal.append(Scanned())
        self.count += 1
        self.kept = dict(self.tree) if saw_them else before
        self.newest = uuid.UUID(int=self.count)
        if not killed:
            self.journal.replace(turn, self.newest, [])

    def restart(self) -> None:
        self.journal.close()
        self.journal = self.journals.of(LIFE)

    def ended_as(self) -> dict[bytes, Entry]:
        leaves = replayed(self.kept, self.journal.read(self.newest))
        tree: dict[bytes, Entry] = {}
        for path, leaf in leaves.items():
            if isinstance(leaf, Fresh):
                data = leaf.stored.read()
                tree[path] = File(digest_of(data), len(data), leaf.taken.mode)
            elif isinstance(leaf, FreshLink):
                tree[path] = Link(leaf.taken.target)
            else:
                tree[path] = leaf
        return tree

    def _has_room(self, path: bytes, *, directory: bool = False) -> bool:
        there = self.tree.get(path)
        if isinstance(there, Directory) and not directory:
            return False
        above = [self.tree.get(parent) for parent in parents(path)]
        return all(one is None or isinstance(one, Directory) for one in above)

    def _at(self, place: int) -> bytes | None:
        paths = sorted(self.tree)
        return paths[place % len(paths)] if paths else None

    def _put(self, path: bytes, entry: Entry) -> None:
        for parent in parents(path):
            self.tree.setdefault(parent, Directory())
        self.tree[path] = entry

    def _within(self, top: bytes) -> dict[bytes, Entry]:
        return {
            path: entry
            for path, entry in self.tree.items()
            if path == top or path.startswith(top + b"/")
        }


def files(tree: dict[bytes, Entry]) -> dict[bytes, Entry]:
    return {p: e for p, e in tree.items() if not isinstance(e, Directory)}


@settings(max_examples=500, deadline=None)
@given(st.lists(STEPS | RACES, max_size=25))
def test_nothing_that_was_there_at_the_end_is_missing_from_a_replay(steps):
    with tempfile.TemporaryDirectory() as top:
        disk = Disk(Path(top))
        for step in steps:
            disk.do(step)

        ended = disk.ended_as()

    validate(ended)
    assert files(disk.tree).items() <= files(ended).items()


@settings(max_examples=300, deadline=None)
@given(st.lists(STEPS.filter(lambda step: step[0] != "delete"), max_size=25))
def test_where_nothing_was_deleted_a_replay_is_exactly_what_was_there(steps):
    with tempfile.TemporaryDirectory() as top:
        disk = Disk(Path(top))
        for step in steps:
            disk.do(step)

        ended = disk.ended_as()

    assert files(disk.tree) == files(ended)
