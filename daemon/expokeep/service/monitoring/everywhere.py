"""The metrics that are about all hosts: each daemon tells the same, of the catalog."""

from typing import get_args

from expokeep.service.monitoring.metric import Group, shared
from expokeep.share.plan import Reason

KEPT = Group(
    "What is kept",
    (
        shared("kept_sessions", "Sessions.", state=("live", "deleted")),
        shared("kept_versions", "Versions."),
        shared("kept_parked_versions", "Sessions whose newest version is parked."),
        shared("kept_objects", "Packs in the bucket."),
        shared(
            "kept_bytes",
            "All versions as whole copies; builds as they are now; different contents; "
            "packs in the bucket; of these, those on their way out.",
            kind=("logical", "head", "distinct", "stored", "going"),
        ),
        shared("kept_saves", "Of all days that are remembered."),
        shared("kept_restores", "Of all days that are remembered."),
        shared("kept_active_sessions", "Saved or restored in these days."),
        shared("kept_restored_sessions", "Restored in these days."),
        shared(
            "held_elsewhere",
            "Snapshots in the spools of other hosts; silent: their lease is over.",
            host=("alive", "silent"),
        ),
        shared("app_tables_behind", "Builds whose row in the app's table is behind."),
    ),
)

USERS = Group(
    "Whose it is",
    (
        shared("user_stored_bytes", "In the bucket, of the first who had it.", user=()),
        shared("user_sessions", "That are not deleted.", user=()),
        shared("user_saves_per_day", "On average.", user=()),
        shared(
            "user_quota_used_ratio",
            "1 is all that there may be; of those who are nearest to it.",
            user=(),
            quota=("builds", "bytes"),
        ),
        shared(
            "users_near_quota",
            "Users who use so many percent of a quota, or more.",
            level=("80", "95", "100"),
        ),
    ),
)

MONEY = Group(
    "What it costs",
    (
        shared(
            "cost_month_dollars",
            "Of this month, as `expokeep cost` says.",
            kind=("so_far", "projected"),
        ),
        shared(
            "cost_month_budget_dollars", "The setting `cost.monthly-budget`; 0: none."
        ),
    ),
)

CARE = Group(
    "What was looked after, by whichever host",
    (
        shared("chore_last_success_timestamp_seconds", "When it was done.", chore=()),
        shared("proof_well", "Whether the last one was.", kind=("check", "drill")),
        shared("proof_timestamp_seconds", "When it ended.", kind=("check", "drill")),
        shared("damage_found", "Findings of the last check."),
        shared("drills_last_day", "Restores to try.", outcome=("well", "failed")),
        shared("webhooks_given_up", "Deliveries that nobody took."),
    ),
)

LENT = Group(
    "What is lent",
    (
        shared("shares", "Shares.", state=("live", "expired", "revoked", "used_up")),
        shared(
            "share_refusals",
            "Times somebody with a token was turned away, of shares that are there.",
            reason=get_args(Reason),
        ),
    ),
)

EVERYWHERE = (KEPT, USERS, MONEY, CARE, LENT)
