"""What builds would cost that do not exist: the honest arithmetic. Pure."""

from dataclasses import dataclass
from decimal import Decimal

from expokeep.accounting.prices import BYTES_PER_GB, Prices, Used, billed

_DOCUMENT_BUILDS = 100
_DOCUMENT_SIZE_BYTES = 20_000_000


@dataclass(frozen=True, slots=True)
class Assumed:
    """What builds of a size cost in a month, if no two have anything in common."""

    builds: int
    size_bytes: int
    gb: Decimal
    database: Decimal
    storage: Decimal
    """On R2 by its price alone."""
    billed: Decimal
    """On R2 with its free allowance and its rounding."""
    notes: tuple[str, ...]


def assumed(builds: int, size_bytes: int, prices: Prices) -> Assumed:
    """Return what so many builds of a size cost.

    >>> prices = Prices(Decimal(0), Decimal(0), Decimal("0.015"), Decimal("0.25"))
    >>> found = assumed(100, 20_000_000, prices)
    >>> found.database, found.storage, found.billed
    (Decimal('0.50'), Decimal('0.030'), Decimal('0.000'))
    """
    gb = Decimal(builds) * size_bytes / BYTES_PER_GB
    return Assumed(
        builds=builds,
        size_bytes=size_bytes,
        gb=gb,
        database=gb * prices.database_gb_month,
        storage=gb * prices.storage_gb_month,
        billed=billed(Used(gb), prices).total,
        notes=_notes(builds, size_bytes),
    )


def _notes(builds: int, size_bytes: int) -> tuple[str, ...]:
    if (builds, size_bytes) != (_DOCUMENT_BUILDS, _DOCUMENT_SIZE_BYTES):
        return ()
    return (
        "The app's document says $6 a month for the database: 2 GB at $0.25 are $0.50.",
        "It says $0.30 a month for R2: 2 GB at $0.015 are $0.03.",
        "It says that 95 % are saved: by its own prices it is 1 - 0.015/0.25 = 94 %.",
        "It says about 20x cheaper: by its own prices it is 0.25/0.015 = 16.7x.",
    )
