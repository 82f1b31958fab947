"""What R2 costs: its prices, its free allowance, and how it rounds. Pure.

A GB is 10^9 bytes here, as on a bill, and a month is the calendar's. R2 averages each
day's peak over the month, takes the free allowance away, and rounds up to whole units.
"""

import math
from dataclasses import dataclass
from decimal import Decimal

BYTES_PER_GB = 1_000_000_000
OPERATIONS_PER_UNIT = 1_000_000

FREE_GB_MONTHS = 10
FREE_CLASS_A = 1_000_000
FREE_CLASS_B = 10_000_000
"""Each month, of an account: of all its buckets together."""


@dataclass(frozen=True, slots=True)
class Prices:
    """In US dollars."""

    class_a_per_million: Decimal
    class_b_per_million: Decimal
    storage_gb_month: Decimal
    database_gb_month: Decimal
    """What the same bytes would cost in a database."""
    has_free_tier: bool = True

    @property
    def ratio(self) -> Decimal:
        """Return how many times as much a database costs; zero if R2 costs nothing."""
        if not self.storage_gb_month:
            return Decimal(0)
        return self.database_gb_month / self.storage_gb_month

    @property
    def saving_percent(self) -> Decimal:
        """Return what is saved against a database, in percent; zero if that is free."""
        if not self.database_gb_month:
            return Decimal(0)
        return 100 * (1 - self.storage_gb_month / self.database_gb_month)


@dataclass(frozen=True, slots=True)
class Used:
    """What is used in a month."""

    gb_months: Decimal
    class_a: int = 0
    class_b: int = 0
    received_bytes: int = 0
    """What leaves R2: that costs nothing."""


@dataclass(frozen=True, slots=True)
class Bill:
    """What that costs, and for how much of it: whole units beyond the allowance."""

    used: Used
    billed_gb_months: int
    billed_class_a_millions: int
    billed_class_b_millions: int
    storage: Decimal
    class_a: Decimal
    class_b: Decimal

    @property
    def total(self) -> Decimal:
        """Return all of it. Traffic out of R2 is free."""
        return self.storage + self.class_a + self.class_b


def billed(used: Used, prices: Prices) -> Bill:
    """Return what R2 asks for.

    >>> prices = Prices(Decimal("4.50"), Decimal("0.36"), Decimal("0.015"), Decimal(1))
    >>> billed(Used(Decimal("11.1"), 1_000_001, 10_000_000), prices).total
    Decimal('4.530')
    """
    free = 1 if prices.has_free_tier else 0
    gb_months = _units(used.gb_months - free * FREE_GB_MONTHS, 1)
    class_a = _units(used.class_a - free * FREE_CLASS_A, OPERATIONS_PER_UNIT)
    class_b = _units(used.class_b - free * FREE_CLASS_B, OPERATIONS_PER_UNIT)
    return Bill(
        used=used,
        billed_gb_months=gb_months,
        billed_class_a_millions=class_a,
        billed_class_b_millions=class_b,
        storage=gb_months * prices.storage_gb_month,
        class_a=class_a * prices.class_a_per_million,
        class_b=class_b * prices.class_b_per_million,
    )


def _units(amount: Decimal | int, unit: int) -> int:
    return max(0, math.ceil(Decimal(amount) / unit))
