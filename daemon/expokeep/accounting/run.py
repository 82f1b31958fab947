"""Asks for sums, and says what they mean and cost."""

import datetime
from collections.abc import Callable
from dataclasses import asdict, dataclass
from decimal import Decimal
from typing import Literal

from msgspec.structs import replace

from expokeep.accounting.assumed import assumed
from expokeep.accounting.documents import (
    AssumedCost,
    BillDocument,
    CostDocument,
    DayStats,
    PricesDocument,
    SessionStats,
    SharedStats,
    Stats,
    UserStats,
)
from expokeep.accounting.month import Month, Seen, projected, so_far
from expokeep.accounting.prices import BYTES_PER_GB, Bill, Prices, billed
from expokeep.catalog.statistics import PostgresStatistics

By = Literal["user", "session", "day"]

MOST_SHARED = 10


@dataclass(frozen=True, slots=True)
class Accountant:
    """Stands on the catalog's sums, and on prices."""

    statistics: PostgresStatistics
    prices: Prices
    monthly_budget: Decimal
    now: Callable[[], datetime.datetime]
    """By the clock of Postgres, as the sums are."""

    def stats(
        self, by: By | None = None, *, logical: bool = False, limit: int = 1000
    ) -> Stats:
        """Return what there is; one by one if that is wanted, at most `limit`."""
        found = self._stats()
        asked, most = self.statistics, limit + 1
        if by == "user":
            users = asked.by_user(most, logical=logical)
            told = tuple(UserStats(**asdict(one)) for one in users[:limit])
            return replace(found, users=told, truncated=len(users) > limit)
        if by == "session":
            sessions = asked.by_session(most, logical=logical)
            each = tuple(SessionStats(**asdict(one)) for one in sessions[:limit])
            return replace(found, by_session=each, truncated=len(sessions) > limit)
        if by == "day":
            days = asked.by_day(most)
            daily = tuple(DayStats(**asdict(one)) for one in days[:limit])
            return replace(found, days=daily, truncated=len(days) > limit)
        return found

    def cost(self, month: Month | None = None) -> CostDocument:
        """Return what a month costs; without one, this month."""
        now = self.now()
        month = month or Month(now.date().replace(day=1))
        first_day = self.statistics.first_day()
        seen = Seen(
            stored=self.statistics.stored(month.begin, month.until),
            requests=self.statistics.requests(month.begin, month.until),
            first_day=first_day,
            now=now,
        )
        coming = billed(projected(month, seen), self.prices)
        budget = self.monthly_budget
        return CostDocument(
            month=str(month),
            prices=self._prices(),
            so_far=self._bill(billed(so_far(month, seen), self.prices)),
            projected=self._bill(coming),
            monthly_budget=float(budget),
            is_over_budget=bool(budget) and coming.total > budget,
            counted_since=first_day,
        )

    def assumed(self, builds: int, size_bytes: int) -> AssumedCost:
        """Return what so many builds of a size would cost in a month."""
        found = assumed(builds, size_bytes, self.prices)
        return AssumedCost(
            builds=builds,
            size_bytes=size_bytes,
            gb=float(found.gb),
            prices=self._prices(),
            database_usd=float(found.database),
            storage_usd=float(found.storage),
            billed_usd=float(found.billed),
            notes=found.notes,
        )

    def _stats(self) -> Stats:
        total = self.statistics.total()
        shared = self.statistics.most_shared(MOST_SHARED)
        return Stats(
            **asdict(total),
            dedup_ratio=_ratio(total.logical_bytes, total.distinct_bytes),
            compression_ratio=_ratio(total.distinct_bytes, total.stored_bytes),
            total_ratio=_ratio(total.logical_bytes, total.stored_bytes),
            restoration_rate=_ratio(total.restores, total.active_sessions),
            most_shared=tuple(SharedStats(**asdict(one)) for one in shared),
        )

    def _prices(self) -> PricesDocument:
        prices = self.prices
        return PricesDocument(
            class_a_per_million=float(prices.class_a_per_million),
            class_b_per_million=float(prices.class_b_per_million),
            storage_gb_month=float(prices.storage_gb_month),
            database_gb_month=float(prices.database_gb_month),
            free_tier=prices.has_free_tier,
            price_ratio=round(float(prices.ratio), 4),
            saving_percent=float(prices.saving_percent),
        )

    def _bill(self, bill: Bill) -> BillDocument:
        gb_months = bill.used.gb_months
        return BillDocument(
            gb_months=_exact(gb_months),
            class_a=bill.used.class_a,
            class_b=bill.used.class_b,
            received_bytes=bill.used.received_bytes,
            billed_gb_months=bill.billed_gb_months,
            billed_class_a_millions=bill.billed_class_a_millions,
            billed_class_b_millions=bill.billed_class_b_millions,
            storage_usd=float(bill.storage),
            class_a_usd=float(bill.class_a),
            class_b_usd=float(bill.class_b),
            egress_usd=0.0,
            total_usd=float(bill.total),
            database_usd=_exact(gb_months * self.prices.database_gb_month),
        )


def _ratio(one: int, other: int) -> float | None:
    return round(one / other, 4) if other else None


def _exact(amount: Decimal) -> float:
    """Return an amount to the byte, without the noise behind it."""
    return float(round(amount, len(str(BYTES_PER_GB)) - 1))
