"""What a doctor asks the servers with: short limits, and nothing asked twice."""

import contextlib
import dataclasses
from collections.abc import Iterator

from expokeep.catalog.base import Catalog
from expokeep.catalog.examining import Examining
from expokeep.settings.values import Settings
from expokeep.store.s3.looking import LookingStore
from expokeep.wiring.backends import bucket, database_of

_OBJECT_S = 20.0
_READ_S = 10.0


@contextlib.contextmanager
def looking_store(settings: Settings) -> Iterator[LookingStore]:
    """Hold the bucket open for one look.

    Raises:
        ConfigError: it is not configured.
    """
    limits = dataclasses.replace(
        bucket(settings),
        concurrency=2,
        resumes=0,
        deadline_s=_OBJECT_S,
        read_timeout_s=_READ_S,
    )
    with contextlib.closing(LookingStore(limits)) as held:
        yield held


def examining_of(held: Catalog) -> Examining | None:
    """Return what asks Postgres about itself; None where none is configured."""
    database = database_of(held)
    return None if database is None else Examining(database)
