"""The rows of entries that a chain of versions makes, each with its end. Pure."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from expokeep.catalog.revival import Revived
from expokeep.model.tree import Directory, Entry, File, Link

AT_ONCE = 20_000
"""So many rows in one statement at most."""


@dataclass(slots=True)
class Span:
    """An entry of an epoch, from a version up to, and without, another."""

    name: bytes
    entry: Entry
    epoch: int
    valid_from: int
    valid_to: int | None = None


@dataclass(slots=True)
class Spans:
    """What versions of one session add, and what they end that was there before."""

    added: list[Span] = field(default_factory=list)
    ended: list[tuple[int, int, list[bytes]]] = field(default_factory=list)
    """Epoch, version, names: entries that the catalog has and that end there."""


def spans_of(versions: Iterable[Revived]) -> Spans:
    """Return the rows of versions, which come by ascending numbers."""
    spans = Spans()
    open_now: dict[tuple[int, bytes], Span] = {}
    for one in versions:
        delta, before = one.shape.delta, []
        for name in (*delta.gone, *delta.set):
            span = open_now.pop((one.epoch, name), None)
            if span is not None:
                span.valid_to = one.seq
            elif not one.shape.begins:
                before.append(name)
        if before:
            spans.ended.append((one.epoch, one.seq, before))
        for name, entry in delta.set.items():
            span = Span(name, entry, one.epoch, one.seq)
            open_now[one.epoch, name] = span
            spans.added.append(span)
    return spans


def columns_of(spans: Sequence[Span]) -> Iterator[dict[str, list[Any]]]:
    """Yield rows as arrays, some at a time."""
    for start in range(0, len(spans), AT_ONCE):
        part = spans[start : start + AT_ONCE]
        entries = [span.entry for span in part]
        yield {
            "names": [span.name for span in part],
            "epochs": [span.epoch for span in part],
            "froms": [span.valid_from for span in part],
            "tos": [span.valid_to for span in part],
            "kinds": [_KINDS[type(entry)] for entry in entries],
            "modes": [None if isinstance(one, Link) else one.mode for one in entries],
            "mtimes_ns": [entry.mtime_ns for entry in entries],
            "digests": [
                entry.digest if isinstance(entry, File) else None for entry in entries
            ],
            "targets": [
                entry.target if isinstance(entry, Link) else None for entry in entries
            ],
        }


_KINDS = {File: "f", Link: "l", Directory: "d"}
