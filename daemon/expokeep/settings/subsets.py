"""How much a check reads, as people write it: `1/20`, `5%`, `2GB`."""

import re

from expokeep.check.values import Amount, Everything, Part, Share, Subset
from expokeep.errors import UsageError
from expokeep.settings import units

EVERYTHING = "everything"
"""How a request says that all is to be read."""

_PART = re.compile(r"([0-9]{1,6})/([0-9]{1,6})")
_SHARE = re.compile(r"([0-9]{1,3}(?:\.[0-9]{1,4})?)%")

ALLOWED = "a part such as 1/20, a share such as 1%, or a size such as 2GB"


def parse_subset(text: str) -> Subset:
    """Return which part of all packs is meant.

    >>> parse_subset("1/20"), parse_subset("0.5%")
    (Part(number=1, of=20), Share(percent=0.5))
    >>> parse_subset("2GB").size_bytes == 2 * 1024**3
    True

    Raises:
        ValueError: it is none of the three, or nothing would be read.
    """
    if part := _PART.fullmatch(text):
        return Part(int(part[1]), int(part[2]))
    if share := _SHARE.fullmatch(text):
        return Share(float(share[1]))
    return Amount(units.parse_size_bytes(text))


def subset_of(words: str | None) -> Subset | None:
    """Return how much is to be read, as a request says it; None for nothing.

    Raises:
        UsageError: it cannot be understood.
    """
    if words is None:
        return None
    if words == EVERYTHING:
        return Everything()
    try:
        return parse_subset(words)
    except ValueError as error:
        raise UsageError(f"read {EVERYTHING}, {ALLOWED}, not {words!r}") from error
