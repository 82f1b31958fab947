"""Settings of what things cost."""

import re
from dataclasses import dataclass
from decimal import Decimal

from expokeep.settings.declare import setting
from expokeep.settings.kinds import SWITCH, Kind


def _money(given: str) -> Decimal:
    if not re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,6})?", given):
        raise ValueError(given)
    return Decimal(given)


MONEY = Kind("an amount such as 0.015", _money, lambda amount: f"{amount:f}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What things cost, in US dollars. The defaults are R2's list prices.

    What R2 gives for free, and that it rounds up, `expokeep cost` knows by itself.
    Traffic out of R2 costs nothing.
    """

    class_a_per_million: Decimal = setting(
        MONEY, "4.50", "A million requests that write or list."
    )
    class_b_per_million: Decimal = setting(
        MONEY, "0.36", "A million requests that read."
    )
    storage_gb_month: Decimal = setting(
        MONEY, "0.015", "10^9 bytes, stored for a month."
    )
    free_tier: bool = setting(
        SWITCH,
        "true",
        "Whether R2's monthly allowance (10 GB, 1 million class A, 10 million class B) "
        "is ours: an account has it once, for all its buckets.",
    )
    database_gb_month: Decimal = setting(
        MONEY, "0.25", "The same in a database, to compare with."
    )
    monthly_budget: Decimal = setting(
        MONEY, "0", "More than this is said to be too much; 0 for no limit."
    )
