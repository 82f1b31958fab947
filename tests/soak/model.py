"""What every session's history must be, told by what was done to it and nothing else.

Every content is unique, so a content says where it came from. A state is a mapping of
paths to contents, as their SHA-256. Nothing here asks the daemon or its catalog.
"""

import hashlib
import time
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal

State = Mapping[str, str]
"""Path to the SHA-256 of what is there."""

EMPTY = hashlib.sha256().hexdigest()

Kind = Literal["first", "template", "fragment", "restored"]


def digest(contents: bytes) -> str:
    """Return what a state calls these contents."""
    return hashlib.sha256(contents).hexdigest()


@dataclass
class Burst:
    """What was done to a directory in one go; a snapshot may fall in the middle."""

    before: dict[str, str]
    varies: dict[str, set[str | None]] = field(default_factory=dict)
    """All that a snapshot may find at each path that was touched; None: nothing."""
    ghosts: dict[str, set[str]] = field(default_factory=dict)
    """What was deleted, and may be held back: deletions are believed late."""
    began: str = field(default_factory=lambda: time.strftime("%X"))

    def may_be(self, path: str) -> set[str | None]:
        """Return all that a snapshot may find at a path."""
        found = set(self.varies.get(path, ())) | {self.before.get(path)}
        return found | set(self.ghosts.get(path, ()))


@dataclass
class Life:
    """One life of a session's directory."""

    kind: Kind
    state: dict[str, str]
    bursts: list[Burst] = field(default_factory=list)
    settled: list[tuple[int, State]] = field(default_factory=list)
    """Known to be captured: after how many bursts, and what was there then."""
    is_over: bool = False
    is_edited: bool = False
    """Something that was known to be captured has been changed since."""
    took_head: bool = False
    """It must have become the head: edited, and known to be captured after that."""
    may_take_head: bool = False
    uncaptured: dict[str, set[str]] = field(default_factory=dict)
    """All that a path has been since it was last known to be captured."""

    def __post_init__(self) -> None:
        self.may_take_head = self.kind in {"first", "restored"}
        self.bursts.append(Burst(dict(self.state)))

    def __str__(self) -> str:
        points = [number for number, _ in self.settled]
        end = ", over" if self.is_over else ""
        sure = ", took the head" if self.took_head else ""
        return f"{self.kind}: {len(self.bursts)} bursts, sure at {points}{sure}{end}"

    def begin(self) -> Burst:
        """Begin a burst; what was deleted before may still be held back."""
        last = self.bursts[-1]
        self.bursts.append(
            Burst(dict(self.state), ghosts={p: set(g) for p, g in last.ghosts.items()})
        )
        return self.bursts[-1]

    def put(self, path: str, content: str) -> None:
        """Note that a file was written."""
        self._vary(path, content)
        if path in self.state and path != "package.json":
            captured = self.settled[-1][1] if self.settled else {}
            self.is_edited = self.is_edited or path in captured
            self.may_take_head = True
        self.state[path] = content
        self.bursts[-1].ghosts.pop(path, None)

    def may_be_empty(self, path: str) -> None:
        """Note that a file is emptied before it is written: who looks then sees that.

        What is captured later must not be so: there it is no excuse.
        """
        self.bursts[-1].varies.setdefault(path, {self.state.get(path)}).add(EMPTY)

    def remove(self, path: str) -> None:
        """Note that a file was deleted."""
        self._vary(path, None)
        held = self.bursts[-1].ghosts.setdefault(path, set())
        held |= {self.state.pop(path), *self.uncaptured.get(path, ())}

    def rename(self, old: str, new: str) -> None:
        """Note that a file was renamed.

        If it is changed before anybody looks, that is a deletion and a new file.
        Otherwise both names never are in one version: no content is there twice.
        """
        content = self.state[old]
        self.remove(old)
        self._vary(new, content)
        self.state[new] = content

    def settle(self, *, by_a_person: bool = False) -> None:
        """Note that all of it is captured now, as far as anybody was told."""
        self.settled.append((len(self.bursts) - 1, dict(self.state)))
        # What is deleted may still be held back, as it was when it was kept.
        self.uncaptured = {p: set(g) for p, g in self.bursts[-1].ghosts.items()}
        is_whole = "package.json" in self.state
        if is_whole and (self.is_edited or by_a_person):
            self.took_head = True
        is_new = not self.state.items() <= self.bursts[0].before.items()
        if self.kind == "first" or (self.kind == "restored" and is_new):
            self.took_head = True

    def _vary(self, path: str, becomes: str | None) -> None:
        before = self.state.get(path)
        if before is not None:
            self.uncaptured.setdefault(path, set()).add(before)
        values = self.bursts[-1].varies.setdefault(path, {before})
        # A file that changes while it is read stays as it was kept.
        values |= {becomes, *self.uncaptured.get(path, ())}

    def explains(self, tree: State) -> bool:
        """Return whether a snapshot may have seen this.

        It may have begun in one burst and ended in the next.
        """
        if not tree.keys() <= self._paths():
            return False
        return any(self._fits(tree, number) for number in range(len(self.bursts)))

    def is_up_to_date(self, tree: State) -> bool:
        """Return whether a tree is of the last settled point, or of later."""
        number, point = self.settled[-1]
        later = self.bursts[number + 1 :]
        return all(
            tree.get(path) == content
            or any(tree.get(path) in burst.may_be(path) for burst in later)
            for path, content in point.items()
        )

    def may_end_with(self, tree: State) -> bool:
        """Return whether the last version may be this: kept, and captured early."""
        since = self.settled[-1][0] if self.settled else 0
        bursts = self.bursts[max(0, since - 1) :]
        return all(
            any(tree.get(path) in burst.may_be(path) for burst in bursts)
            for path in {*tree, *self.bursts[since].before}
        )

    def leaves(self, tree: State) -> bool:
        """Return whether a tree is what was left of it while it was being removed."""
        bursts = self.bursts[-2:]
        return self.is_over and all(
            any(content in burst.may_be(path) for burst in bursts)
            for path, content in tree.items()
        )

    def unlike(self, tree: State) -> list[str]:
        """Return where a tree differs from the burst that it is most like, in words."""
        numbers = range(len(self.bursts))
        nearest = min(numbers, key=lambda number: len(self._misfits(tree, number)))
        return [
            f"{path} is {_short(tree.get(path))}, near burst {nearest} of {self.kind}: "
            + ", ".join(
                f"{number}: {' '.join(sorted(map(_short, burst.may_be(path))))}"
                f" at {burst.began}"
                for number, burst in enumerate(self.bursts)
            )
            for path in sorted(self._misfits(tree, nearest))
        ]

    def _fits(self, tree: State, number: int) -> bool:
        return not self._misfits(tree, number)

    def _misfits(self, tree: State, number: int) -> set[str]:
        window = self.bursts[max(0, number - 1) : number + 1]
        paths = {*tree, *(path for burst in window for path in burst.before)}
        paths |= {path for burst in window for path in burst.varies}
        return {
            path
            for path in paths
            if not any(tree.get(path) in burst.may_be(path) for burst in window)
        }

    def _paths(self) -> set[str]:
        return {
            path for burst in self.bursts for path in (*burst.before, *burst.varies)
        }

    def missing(self, point: State, trees: list[State], number: int) -> bool:
        """Return whether no version holds what was captured at a settled point."""
        ghosts = self.bursts[number].ghosts
        return not any(
            all(tree.get(path) == content for path, content in point.items())
            and all(
                path in point or content in ghosts.get(path, ())
                for path, content in tree.items()
            )
            for tree in trees
        )


def _short(content: str | None) -> str:
    return str(content)[:6]


@dataclass
class Session:
    """All lives of a session, in order."""

    sid: str
    lives: list[Life] = field(default_factory=list)

    @property
    def life(self) -> Life | None:
        """Return the one that is under way."""
        return self.lives[-1] if self.lives and not self.lives[-1].is_over else None

    def differences(
        self, trees: list[State], head: State | None, parked: Collection[int] = ()
    ) -> Iterator[str]:
        """Yield what is wrong with the versions of a session, oldest first.

        `parked` has the numbers of those that are kept beside the head, from 1 on.
        """
        for number, tree in enumerate(trees, start=1):
            if number in parked and any(life.leaves(tree) for life in self.lives):
                continue
            if not any(self._made(life, tree) for life in self.lives):
                nearest = min((life.unlike(tree) for life in self.lives), key=len)
                yield f"{self.sid}@{number} never was: {'; '.join(nearest)}"
            contents = [content for content in tree.values() if content != EMPTY]
            if len(set(contents)) != len(contents):
                yield f"{self.sid}@{number} has a file under two names"
        for place, life in enumerate(self.lives):
            for number, point in life.settled:
                if life.missing(point, trees, number):
                    yield f"what was captured of life {place} of {self.sid} is lost"
        if trees and (head is None or not self._may_be_head(head)):
            lives = "; ".join(str(life) for life in self.lives)
            yield f"the head of {self.sid} is not its last good state: {lives}"

    def _made(self, life: Life, tree: State) -> bool:
        return life.explains(tree) or life.may_end_with(tree)

    def _may_be_head(self, tree: State) -> bool:
        """Return whether a tree may be the head: of the last life that took it.

        Or of a later one that may have.
        """
        sure = [place for place, life in enumerate(self.lives) if life.took_head]
        if not sure:
            return any(self._made(life, tree) for life in self.lives)
        first = self.lives[sure[-1]]
        if first.is_up_to_date(tree) and self._made(first, tree):
            return True
        later = self.lives[sure[-1] + 1 :]
        return any(life.may_take_head and self._made(life, tree) for life in later)
