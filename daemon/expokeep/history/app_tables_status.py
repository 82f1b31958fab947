"""How the application's own tables are, as `status` tells it."""

import datetime

import msgspec


class AppTablesStatus(msgspec.Struct, frozen=True, kw_only=True):
    """The application's own tables, which show what is kept."""

    told_of_writes: bool
    """Whether our triggers are on them; otherwise they are looked at every minute."""
    behind_count: int
    """Builds whose rows could not be written yet."""
    behind_since: datetime.datetime | None
    why: str | None
    refused: str | None
    """What was refused to the application last, or undone."""
    refused_at: datetime.datetime | None
    is_lately_refused: bool
    """Within the last hour: it makes the state `degraded`."""
