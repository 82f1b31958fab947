"""The metrics of this process and of this host."""

from typing import get_args

from expokeep.hooks.values import Outcome as HookOutcome
from expokeep.model.version import Trigger
from expokeep.service.monitoring.metric import (
    Group,
    beginning,
    counter,
    gauge,
    histogram,
)
from expokeep.store.usage import Outcome as StoreOutcome
from expokeep.store.usage import class_of
from expokeep.worktree.scan import Reason

TRIGGERS: tuple[str, ...] = get_args(Trigger)
SPOOL_STATES = ("ok", "low", "full", "failing")
OPERATIONS = ("PutObject", "GetObject", "HeadObject", "ListObjectsV2")
"""What is asked of every bucket, sooner or later."""
STATUSES = ("200", "400", "403", "404", "409", "500", "503")
STATES = ("idle", "dirty", "saving", "waiting", "paused")
LEFT_OUT: dict[str, str] = {why: why.replace(" ", "_") for why in get_args(Reason)}
HOOKS: dict[str, str] = {one: one.replace(" ", "_") for one in get_args(HookOutcome)}

DAEMON = Group(
    "The daemon",
    (
        gauge("build_info", "Always 1; tells which program.", version=(), python=()),
        gauge("healthy", "Whether the process makes progress, as `/healthz` says."),
        gauge("ready", "Whether it watches and captures, as `/readyz` says."),
        counter("watchdog_pings_total", "How often it was well and said so."),
        gauge("watchdog_last_ping_timestamp_seconds", "When it last said so."),
        gauge(
            "worker_stuck_seconds",
            "So long a piece of work has made no progress; at `hung-after` it hangs.",
            worker=("saver", "shipper"),
        ),
        gauge(
            "config_last_reload_successful",
            "Whether the configuration was good when it was last read.",
        ),
        gauge(
            "config_last_reload_timestamp_seconds",
            "When a good configuration was last read.",
        ),
        gauge("drained", "Whether `expokeep drain` holds: no lease, no uploads."),
        gauge("paused", "Whether all uploads are paused."),
        counter("scrape_errors_total", "Parts that could not tell how they are."),
        gauge("scrape_duration_seconds", "How long the parts took to tell it."),
    ),
)

UNSAVED = Group(
    "What is not safe elsewhere yet",
    (
        gauge(
            "oldest_unsaved_change_age_seconds",
            "Of this host's oldest change that is in no recorded version; 0: none.",
        ),
        gauge("objective_seconds", "The setting `objective`."),
        gauge(
            "sessions_beyond_objective",
            "Sessions whose oldest unsaved change is older than that.",
        ),
        gauge("sessions", "Directories, in the words of `status`.", state=STATES),
        gauge(
            "sessions_not_captured",
            "Why not: the spool takes nothing; `on-build-too-big: reject`; the last "
            "snapshot failed; beyond `max-sessions` or `max-sessions-per-uid`.",
            reason=("spool", "too_big", "failed", "left_alone"),
        ),
        gauge(
            "files_left_out",
            "Files of watched sessions that are in no version, and why.",
            reason=tuple(LEFT_OUT.values()),
        ),
    ),
)

CAPTURES = Group(
    "Captures and versions",
    (
        counter(
            "captures_total",
            "Snapshots, and what came of them.",
            trigger=TRIGGERS,
            outcome=("sealed", "unchanged", "failed"),
        ),
        histogram("capture_duration_seconds", "From the scan to the seal."),
        counter("captured_bytes_total", "Of files that were new or changed."),
        counter("packed_bytes_total", "Of contents that were not kept already."),
        counter("pack_bytes_total", "Of the packs made of them, compressed."),
        counter(
            "versions_total",
            "Recorded by this daemon, or thrown away because they never can be.",
            trigger=TRIGGERS,
            outcome=("head", "parked", "thrown_away"),
        ),
        histogram("version_lag_seconds", "From the snapshot to the recorded version."),
        counter("sessions_ended_total", "Directories that went away."),
        counter(
            "early_captures_total",
            "Contents taken when their writer closed them.",
            outcome=("taken", "dropped"),
        ),
        gauge("early_lag_seconds", "From the event to the copy, for 99 of 100."),
        gauge("early_open_files", "Held open until the next snapshot."),
        gauge("early_bytes", "Of early copies on disk."),
    ),
)

BUCKET = Group(
    "The bucket",
    (
        beginning(
            counter(
                "store_requests_total",
                "All that left, the repeated ones too. That nothing is there, or "
                "something already, is ok; refused is any other 4xx.",
                operation=(),
                **{"class": ("a", "b", "free"), "outcome": get_args(StoreOutcome)},
            ),
            *(
                (operation, class_of(operation), outcome)
                for operation in OPERATIONS
                for outcome in get_args(StoreOutcome)
            ),
        ),
        counter(
            "store_retries_total",
            "Asked again after a failure that may pass.",
            verb=("put", "get", "head", "list", "delete", "abort", "check", "publish"),
        ),
        counter("store_sent_bytes_total", "Of contents."),
        counter("store_received_bytes_total", "Of contents."),
        counter(
            "store_request_cost_dollars_total",
            "At the prices of `cost`, as if nothing were free.",
            **{"class": ("a", "b")},
        ),
        gauge("store_configured", "Whether there is a bucket."),
        gauge("store_up", "Whether the last request was answered well; 1 before any."),
        gauge("store_last_success_timestamp_seconds", "When one was; 0: never."),
    ),
)

CATALOG = Group(
    "The catalog, as this host sees it",
    (
        gauge("catalog_configured", "Whether there is a catalog."),
        gauge("catalog_up", "Whether the last heartbeat was answered."),
        gauge("catalog_last_success_timestamp_seconds", "When one was; 0: never."),
        gauge("lease_held", "Whether the sessions of this host are certainly its own."),
        gauge("clock_skew_seconds", "This clock minus that of Postgres."),
        gauge("schema_version", "Of the catalog.", kind=("found", "known")),
        gauge(
            "catalog_figures_timestamp_seconds", "When the shared figures were read."
        ),
        gauge("catalog_figures_duration_seconds", "How long that took."),
        counter("catalog_figures_failures_total", "How often it failed."),
    ),
)

SPOOL = Group(
    "The spool",
    (
        gauge("spool_entries", "Snapshots that wait."),
        gauge("spool_folds", "Of these, those made of several."),
        gauge("spool_bytes", "What they take of the disk."),
        gauge("spool_max_bytes", "The setting `spool.max-size`."),
        gauge("spool_oldest_age_seconds", "Of the one that waits longest; 0: none."),
        gauge("spool_disk_free_bytes", "Of its disk."),
        gauge("spool_disk_min_free_bytes", "The setting `spool.min-free`."),
        gauge("spool_disk_free_inodes", "Of its disk, if it counts them."),
        gauge("spool_state", "One of them is 1.", state=SPOOL_STATES),
        gauge("spool_refused_sessions", "Not captured because it takes nothing."),
        gauge("spool_damaged_entries", "That cannot be read, and were left alone."),
        gauge("spool_held_up_sessions", "Whose snapshots fail to get away now."),
    ),
)

WATCHING = Group(
    "Watching",
    (
        gauge("watches", "inotify watches of this process."),
        gauge("watches_limit", "`fs.inotify.max_user_watches`, of this user."),
        gauge("watch_degraded_sessions", "Polled, for not all of them can be watched."),
        gauge("watch_unwatched_roots", "Directories that cannot be watched at all."),
        gauge("watch_invalid_names", "Directories whose names can be no session's."),
        counter("watch_overflows_total", "Times the kernel dropped events."),
        counter("watch_errors_total", "Events that could not be dealt with."),
        counter("watch_rebuilds_total", "Readers of events that were replaced."),
        gauge("watch_last_proof_age_seconds", "Since events were proved to be read."),
    ),
)

RESTORES = Group(
    "Restores",
    (
        counter(
            "restores_total",
            "Told by those who do them; to the session's directory or elsewhere.",
            outcome=("restored", "failed"),
        ),
        histogram("restore_duration_seconds", "Of those that succeeded."),
        counter("restored_bytes_total", "Of files that were brought back."),
        counter("arrivals_total", "Sessions brought back to their own place."),
    ),
)

DOINGS = Group(
    "Shares, hooks, webhooks, requests, heartbeat",
    (
        counter(
            "shares_total",
            "What was done with shares through this daemon.",
            outcome=("created", "imported", "revoked", "refused"),
        ),
        counter("quota_refusals_total", "Builds that were one too many."),
        counter("hooks_total", "Commands that ended.", outcome=tuple(HOOKS.values())),
        counter(
            "webhook_deliveries_total",
            "Tries; given up is the last of several.",
            outcome=("delivered", "failed", "given_up"),
        ),
        beginning(
            counter(
                "control_requests_total", "Answers of the socket, by status.", status=()
            ),
            *((status,) for status in STATUSES),
        ),
        histogram("control_request_duration_seconds", "Until a handler answered."),
        gauge("heartbeat_configured", "Whether `heartbeat-url` is set."),
        gauge("heartbeat_interval_seconds", "The setting `heartbeat-interval`."),
        counter(
            "heartbeats_total",
            "Withheld: not all was well, so none was sent.",
            outcome=("sent", "withheld", "failed"),
        ),
        gauge("heartbeat_last_success_timestamp_seconds", "0: never."),
    ),
)

CHORES = Group(
    "Chores, as this daemon does them",
    (
        gauge("chore_interval_seconds", "How often it is due.", chore=()),
        gauge("chore_last_duration_seconds", "Of the last one here.", chore=()),
        counter(
            "chore_runs_total",
            "Here. More: there was more to do than one turn allows.",
            chore=(),
            outcome=("done", "more", "failed"),
        ),
    ),
)

HERE = (
    DAEMON,
    UNSAVED,
    CAPTURES,
    BUCKET,
    CATALOG,
    SPOOL,
    WATCHING,
    RESTORES,
    DOINGS,
    CHORES,
)
