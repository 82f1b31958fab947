"""What R2 asks for, to the cent."""

from dataclasses import replace
from decimal import Decimal

import pytest

from expokeep.accounting.assumed import assumed
from expokeep.accounting.prices import Prices, Used, billed

R2 = Prices(
    class_a_per_million=Decimal("4.50"),
    class_b_per_million=Decimal("0.36"),
    storage_gb_month=Decimal("0.015"),
    database_gb_month=Decimal("0.25"),
)
ALL_PAID = replace(R2, has_free_tier=False)


@pytest.mark.parametrize(
    ("used", "free_tier", "bare"),
    [
        (Used(Decimal(0)), "0", "0"),
        (Used(Decimal("0.001"), 1, 1), "0", "4.875"),
        (Used(Decimal(10), 1_000_000, 10_000_000), "0", "8.25"),
        (Used(Decimal("10.1"), 1_000_001, 10_000_001), "4.875", "13.125"),
        # 1,000 objects of 1 GB, each read a thousand times: R2's own example.
        (Used(Decimal(1000), 1000, 1_000_000), "14.85", "19.86"),
    ],
)
def test_what_is_left_after_the_allowance_is_rounded_up(used, free_tier, bare):
    assert billed(used, R2).total == Decimal(free_tier)
    assert billed(used, ALL_PAID).total == Decimal(bare)


def test_traffic_costs_nothing():
    assert billed(Used(Decimal(0), received_bytes=10**15), ALL_PAID).total == 0


def test_the_documents_own_prices_give_other_figures_than_the_document():
    found = assumed(100, 20_000_000, R2)

    assert (found.database, found.storage) == (Decimal("0.50"), Decimal("0.03"))
    assert R2.saving_percent == 94
    assert round(R2.ratio, 1) == Decimal("16.7")
    assert len(found.notes) == 4


def test_what_costs_nothing_is_compared_with_nothing():
    free = replace(R2, storage_gb_month=Decimal(0), database_gb_month=Decimal(0))

    assert (free.ratio, free.saving_percent) == (0, 0)
