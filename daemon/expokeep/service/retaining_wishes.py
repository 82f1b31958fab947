"""What requests say of what is to be let go, and of what holds it."""

from dataclasses import replace

import msgspec

from expokeep.retention.plan import Rules


class ForgetWish(msgspec.Struct):
    """What a request says of forgetting. Without a rule the settings' hold."""

    session: str | None = None
    keep_last: int = 0
    keep_hourly: int = 0
    keep_daily: int = 0
    keep_weekly: int = 0
    keep_within_s: float | None = None
    keep_labels: list[str] | None = None
    dry_run: bool = False

    def rules(self, usual: Rules) -> Rules:
        """Return the rules that are meant."""
        asked = Rules(
            last=self.keep_last,
            hourly=self.keep_hourly,
            daily=self.keep_daily,
            weekly=self.keep_weekly,
            within_s=self.keep_within_s,
            labels=tuple(self.keep_labels or ()),
        )
        if asked.keep_nothing:
            return usual
        if self.keep_labels is not None:
            return asked
        return replace(asked, labels=usual.labels)


class DeleteWish(msgspec.Struct):
    """What a request says of a deletion."""

    now: bool = False
    dry_run: bool = False


class CollectWish(msgspec.Struct):
    """What a request says of a collection."""

    max_time_s: float | None = None
    dry_run: bool = False


class LabelWish(msgspec.Struct):
    """What a request says of a label."""

    name: str = ""
    dry_run: bool = False


class PinWish(msgspec.Struct):
    """What a request says of a pin."""

    dry_run: bool = False
