"""Which versions become commits, and which one each follows. Pure."""

import datetime
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

Squash = Literal["none", "labels", "daily"]

_MAIN = b"refs/heads/main"
_UNFIT = re.compile(r"[\x00-\x20~^:?*\[\\\x7f]+|\.\.+|@\{|//+|\.lock(?=/|$)")


@dataclass(frozen=True, slots=True)
class Milestone:
    """A version, as far as git has a word for it."""

    seq: int
    parent: int | None
    epoch: int
    taken_at: datetime.datetime
    trigger: str
    message: str | None
    author: str | None
    parked: str | None
    labels: tuple[str, ...] = ()


def chosen(
    history: Iterable[Milestone], squash: Squash, head: int | None
) -> Sequence[Milestone]:
    """Return the versions that become commits, oldest first, each with its parent.

    The head is always one of them, and so is what has a label.
    """
    by_seq = {one.seq: one for one in history}
    kept = {one.seq for one in _kept(by_seq, squash)}
    kept |= {seq for seq, one in by_seq.items() if one.labels or seq == head}
    return [_adopted(by_seq[seq], by_seq, kept) for seq in sorted(kept)]


def ancestry(history: Iterable[Milestone], seq: int) -> Sequence[Milestone]:
    """Return a version and what leads to it, oldest first."""
    by_seq = {one.seq: one for one in history}
    found: list[Milestone] = []
    at: int | None = seq
    while at is not None and (one := by_seq.pop(at, None)) is not None:
        found.append(one)
        at = one.parent
    return found[::-1]


def refs(
    commits: Sequence[Milestone], head: int | None
) -> tuple[Mapping[bytes, int], Mapping[bytes, tuple[int, str]]]:
    """Return branches, and tags with their labels in full: by name, the version's seq.

    The head is `main`. Other lives of the directory, as far as they do not lead to it,
    are `epoch/N`, and what is parked is `parked/N` as well.
    """
    branches = {_MAIN: head} if head is not None else {}
    parents = {one.parent for one in commits}
    for one in commits:
        if one.parked is not None:
            branches[b"refs/heads/parked/%d" % one.seq] = one.seq
        elif one.seq not in parents and one.seq != head:
            branches[b"refs/heads/epoch/%d" % one.epoch] = one.seq
    tags: dict[bytes, tuple[int, str]] = {}
    for one in commits:
        for label in sorted(one.labels):
            tags[_free(_tag(label), tags)] = one.seq, label
    return branches, tags


def _kept(by_seq: Mapping[int, Milestone], squash: Squash) -> Iterable[Milestone]:
    if squash == "none":
        return by_seq.values()
    if squash == "labels":
        return ()
    newest: dict[tuple[int, datetime.date], Milestone] = {}
    for seq in sorted(by_seq):
        one = by_seq[seq]
        if one.parked is None:
            newest[one.epoch, one.taken_at.astimezone(datetime.UTC).date()] = one
    return newest.values()


def _adopted(
    one: Milestone, by_seq: Mapping[int, Milestone], kept: Collection[int]
) -> Milestone:
    """Return a version with the nearest of its ancestors that is a commit."""
    parent = one.parent
    while parent is not None and parent not in kept:
        above = by_seq.get(parent)
        parent = above.parent if above is not None else None
    return replace(one, parent=parent)


def _tag(label: str) -> str:
    """Return a label as git allows the name of a tag.

    >>> _tag("before the demo"), _tag("v1..2"), _tag("-")
    ('before-the-demo', 'v1-2', 'label')
    """
    plain = _UNFIT.sub("-", label).strip("-./")
    return plain if plain and plain != "@" else "label"


def _free(name: str, taken: Collection[bytes]) -> bytes:
    """Return the name of a tag that is not taken by a label that looks like it."""
    tag = f"refs/tags/{name}".encode()
    number = 1
    while tag in taken:
        number += 1
        tag = f"refs/tags/{name}-{number}".encode()
    return tag
