"""Keeps an old Postgres from deleting what it does not know: the guard of deletions.

Each run that deletes objects or writes facts takes the next number first, in Postgres
and as an object of its own in the bucket: the number moves while anything happens. A
Postgres that came back from an older backup is behind the bucket then, and so is one
that another has taken the place of: what it does not know is not rubbish. Nothing is
deleted until the catalog has taken over the rest.
"""

import re
import tempfile
import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import msgspec

from expokeep.errors import Busy, ExpokeepError
from expokeep.log import get
from expokeep.model.digest import digest_of
from expokeep.store.base import ObjectExists, ObjectInfo, Store

log = get(__name__)

GENERATIONS = "_meta/generation/"
"""Where the numbers lie, below the prefix of a deployment."""
KEPT = 16
"""So many of the newest stay in the bucket; the newest one is all that counts."""

_NUMBER = re.compile(r"[0-9]{10}")


class OldCatalog(ExpokeepError):
    """The bucket has seen deletions or facts that this Postgres knows nothing of."""

    exit_code = 4
    hint = (
        "Nothing is deleted until `expokeep rebuild --from-bucket --missing` has taken "
        "over what is newer: docs/RUNBOOK.md, Postgres came back from an older backup."
    )

    def __init__(self, ours: int, theirs: int) -> None:
        super().__init__(
            f"Postgres is at generation {ours}, the bucket at {theirs}: "
            "this catalog is an older one"
        )
        self.ours = ours
        self.theirs = theirs


class Generations(Protocol):
    """What the guard asks of Postgres."""

    def number(self) -> int:
        """Return the number of the last run."""
        ...

    def is_rebuilding(self) -> bool:
        """Return whether the catalog is being made anew."""
        ...

    def advance(self) -> int:
        """Take the next number, durably, and return it."""
        ...


@dataclass(frozen=True, slots=True)
class Guard:
    """Hands out numbers to runs that delete, or write facts."""

    generations: Generations
    store: Store
    prefix: str

    def require(self) -> int:
        """Return the number of the last run, if this catalog knows of all of them.

        Raises:
            OldCatalog: it does not.
            Busy: the catalog is being rebuilt.
        """
        ours = self.generations.number()
        if self.generations.is_rebuilding():
            raise Busy("the catalog is being rebuilt from the bucket")
        theirs = newest(self.store.list(f"{self.prefix}{GENERATIONS}"), self.prefix)
        if theirs > ours:
            raise OldCatalog(ours, theirs)
        return ours

    def next(self) -> int:
        """Take the next number; only after that may anything be deleted or told.

        Raises:
            OldCatalog: this catalog is an older one, or another one deletes as well.
            Busy: the catalog is being rebuilt.
        """
        self.require()
        # Postgres first: killed here, it is ahead of the bucket, which does no harm.
        number = self.generations.advance()
        try:
            self._put(number)
        except ObjectExists as error:
            raise OldCatalog(number, number) from error
        if number > KEPT:
            self.store.delete([generation_key(number - KEPT, self.prefix)])
        log.debug("generation taken", number=number)
        return number

    def _put(self, number: int) -> None:
        # By chance, so that of two catalogs only one can have written a number.
        body = _Generation(v=1, holds="generation", number=number, by=uuid.uuid4())
        data = msgspec.json.encode(body)
        with tempfile.NamedTemporaryFile() as file:
            file.write(data)
            file.flush()
            key = generation_key(number, self.prefix)
            self.store.put_file(key, Path(file.name), sha256=digest_of(data))


def generation_key(number: int, prefix: str) -> str:
    """Return the key of a number below `prefix`.

    >>> generation_key(7, "v1/")
    'v1/_meta/generation/0000000007'
    """
    return f"{prefix}{GENERATIONS}{number:010}"


def newest(objects: Iterable[ObjectInfo], prefix: str) -> int:
    """Return the highest number among objects of the bucket; 0 if there is none.

    >>> newest([ObjectInfo("v1/_meta/generation/0000000007", 9)], "v1/")
    7
    """
    start = f"{prefix}{GENERATIONS}"
    names = (
        one.key.removeprefix(start) for one in objects if one.key.startswith(start)
    )
    return max((int(name) for name in names if _NUMBER.fullmatch(name)), default=0)


class _Generation(msgspec.Struct, frozen=True):
    v: int
    holds: str
    number: int
    by: uuid.UUID
