"""The JSON contract of `stats` and `cost`. Fields are only added; money is in USD."""

import datetime

import msgspec


class _Document(
    msgspec.Struct, frozen=True, kw_only=True, tag_field="message_type", tag=True
):
    """What every answer is."""


class UserStats(msgspec.Struct, frozen=True, kw_only=True):
    """What there is of one user."""

    user: str | None
    """None: of sessions that nobody owns."""
    sessions: int
    versions: int
    head_bytes: int
    logical_bytes: int
    stored_bytes: int
    saves: int
    restores: int
    saves_per_day: float


class SessionStats(msgspec.Struct, frozen=True, kw_only=True):
    """What there is of one session."""

    session: str
    user: str | None
    is_deleted: bool
    versions: int
    head_bytes: int
    logical_bytes: int
    stored_bytes: int
    saves: int
    restores: int


class DayStats(msgspec.Struct, frozen=True, kw_only=True):
    """What was done on a day, by UTC."""

    day: datetime.date
    users: int
    sessions: int
    saves: int
    restores: int
    class_a: int
    class_b: int
    sent_bytes: int
    received_bytes: int
    stored_bytes: int | None
    """The most of that day; None: as on the day before."""


class SharedStats(msgspec.Struct, frozen=True, kw_only=True):
    """A session that others have begun with."""

    session: str
    user: str | None
    shares: int
    imports: int


class Stats(_Document, frozen=True, tag="stats"):
    """What there is, in sums."""

    sessions: int
    deleted_sessions: int
    versions: int
    head_bytes: int
    """What the builds are now."""
    logical_bytes: int
    """What all versions would take as whole copies."""
    contents: int
    distinct_bytes: int
    """Of different contents, before compression."""
    objects: int
    stored_bytes: int
    going_bytes: int
    """Of these, what goes when the grace is over."""
    dedup_ratio: float | None
    """Logical by distinct; None where there is nothing."""
    compression_ratio: float | None
    """Distinct by stored."""
    total_ratio: float | None
    """Logical by stored."""
    saves: int
    restores: int
    active_sessions: int
    restored_sessions: int
    restoration_rate: float | None
    """Restores by builds that were saved or restored."""
    counted_since: datetime.date | None
    """Saves and restores; None: nothing was counted yet."""
    most_shared: tuple[SharedStats, ...]
    users: tuple[UserStats, ...] | None = None
    by_session: tuple[SessionStats, ...] | None = None
    days: tuple[DayStats, ...] | None = None
    """None of these three unless it was asked for."""
    truncated: bool = False


class PricesDocument(msgspec.Struct, frozen=True, kw_only=True):
    """What things cost."""

    class_a_per_million: float
    class_b_per_million: float
    storage_gb_month: float
    database_gb_month: float
    free_tier: bool
    price_ratio: float
    """How many times as much a database costs."""
    saving_percent: float


class BillDocument(msgspec.Struct, frozen=True, kw_only=True):
    """What was used, and what R2 asks for it: whole units beyond what is free."""

    gb_months: float
    class_a: int
    class_b: int
    received_bytes: int
    billed_gb_months: int
    billed_class_a_millions: int
    billed_class_b_millions: int
    storage_usd: float
    class_a_usd: float
    class_b_usd: float
    egress_usd: float
    total_usd: float
    database_usd: float
    """The same bytes in a database."""


class CostDocument(_Document, frozen=True, tag="cost"):
    """What a month costs."""

    month: str
    prices: PricesDocument
    so_far: BillDocument
    projected: BillDocument
    """For the whole month, if it goes on so."""
    monthly_budget: float
    is_over_budget: bool
    counted_since: datetime.date | None


class AssumedCost(_Document, frozen=True, tag="assumed_cost"):
    """What builds would cost that do not exist."""

    builds: int
    size_bytes: int
    gb: float
    prices: PricesDocument
    database_usd: float
    storage_usd: float
    """By R2's price alone."""
    billed_usd: float
    """With what R2 gives for free, and its rounding."""
    notes: tuple[str, ...]
