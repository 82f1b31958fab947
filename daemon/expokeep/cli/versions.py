"""Many versions in few words."""

from collections.abc import Iterator, Sequence

from expokeep.check.documents import SessionVersions

MOST_VERSIONS = 12
"""So many ranges of versions are named."""


def named(affected: Sequence[SessionVersions]) -> str:
    """Return versions as a person reads them.

    >>> named([SessionVersions(session="shop", seqs=(1, 2, 3, 7))])
    'shop@1-3, shop@7'
    """
    parts = [
        f"{one.session}@{first}" + (f"-{last}" if last > first else "")
        for one in affected
        for first, last in ranges(one.seqs)
    ]
    more = len(parts) - MOST_VERSIONS
    shown = ", ".join(parts[:MOST_VERSIONS])
    return f"{shown}, and {more} more (--json names all)" if more > 0 else shown


def ranges(seqs: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Yield ascending numbers that follow each other as (first, last).

    >>> list(ranges([1, 2, 3, 7]))
    [(1, 3), (7, 7)]
    """
    start = 0
    for at in range(1, len(seqs) + 1):
        if at == len(seqs) or seqs[at] != seqs[at - 1] + 1:
            yield seqs[start], seqs[at - 1]
            start = at
