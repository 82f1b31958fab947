"""Every setting of this release: the one declaration, and the values once parsed.

A setting is here when it works, and not before. What is not said here does not exist:
the file, `config show` and the example all read this module.
"""

import re
from dataclasses import dataclass
from pathlib import Path

from expokeep.model.ignore import DEFAULT_EXCLUDES
from expokeep.model.secrets import DEFAULT_PATTERNS
from expokeep.settings import kinds
from expokeep.settings.backends import Database, Storage
from expokeep.settings.cost import Cost
from expokeep.settings.declare import (
    secret,
    section,
    sections,
    setting,
    setting_list,
)
from expokeep.settings.hooks import Hooks
from expokeep.settings.kinds import SWITCH, choice, duration, size, whole
from expokeep.settings.limits import Guard, Limits
from expokeep.settings.monitoring import ADDRESS, PING_URL
from expokeep.settings.proving import Check, Drill
from expokeep.settings.retention import Retention
from expokeep.settings.sharing import Sharing
from expokeep.settings.spool import Spool
from expokeep.settings.webhooks import Webhook

SESSION_ID = (
    r"^expo-(?P<sid>[A-Za-z0-9][A-Za-z0-9._-]{0,127}?)(?:-restored-[0-9a-f-]{36})?$"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Watch:
    """Where sessions live. Each directory whose name fits becomes a session."""

    dir: Path = setting(
        kinds.PATH, "${TMPDIR:-/tmp}", "The directory that sessions are made in."
    )
    pattern: str = setting(
        kinds.GLOB,
        "expo-*",
        "Which directories in it are sessions; others cost nothing.",
    )
    session_id: re.Pattern[str] = setting(
        kinds.SESSION_ID,
        SESSION_ID,
        "Gives the session's id, as group sid, of the whole name. The default takes "
        "expo-ID-restored-UUID for the session ID.",
    )
    user: str | None = setting(
        kinds.USER, None, "Owner of the sessions that nobody claimed with save --user."
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Debounce:
    """When a burst of changes has settled and is worth a snapshot."""

    quiet_s: float = setting(
        duration("10ms", "10m"),
        "2s",
        "So long without a change. Less keeps sooner, and keeps more half-done states.",
    )
    max_wait_s: float = setting(
        duration("10ms", "1h"),
        "15s",
        "At the latest so long after the first change: a file that is written all the "
        "time must not keep a session from being kept. Not less than quiet.",
    )
    deletion_grace_s: float = setting(
        duration("0s", "1h"),
        "60s",
        "A deletion counts after so long, if the session's directory still stands: "
        "a session that is being removed is no edit.",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Restore:
    """Bringing versions back."""

    parallelism: int = setting(
        whole(1, 256), "16", "Requests at a time for one restore."
    )
    cache_size_bytes: int = setting(
        size("0B", "1024TB"),
        "1GB",
        "Disk for contents already fetched, so that a restore that was interrupted, or "
        "one like it, fetches only what is missing.",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Socket:
    """The control socket, where `expokeep` finds the daemon."""

    path: Path = setting(
        kinds.SOCKET_PATH,
        "${EXPOKEEP_SOCKET}",
        "/run/expokeep/control.sock in the service, control.sock in the state "
        "directory elsewhere. Clients do not read this file: if you change it here, "
        "set EXPOKEEP_SOCKET for them.",
        env="EXPOKEEP_SOCKET",
    )
    permissions: int = setting(
        kinds.PERMISSIONS,
        "0666",
        "Everyone may connect: rights go by the caller's user and groups.",
    )
    group: str = setting(
        kinds.GROUP, "expokeep", "Its members may do what root may. Need not exist."
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Shutdown:
    """Stopping."""

    flush_timeout_s: float = setting(
        duration("0s", "1h"),
        "90s",
        "So long SIGTERM waits for uploads; what is left stays in the spool. Keep it "
        "below TimeoutStopSec= of the unit.",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Logging:
    """The log, on stderr."""

    level: str = setting(
        choice("debug", "info", "warning", "error"),
        "info",
        "info is a line per journey, debug one per file.",
    )
    type: str = setting(choice("text", "json"), "text", "For people, or for machines.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """All settings of a daemon."""

    state_dir: Path
    """Decided before any file is read, so it is no key: see `places.state_dir`."""
    watch: tuple[Watch, ...] = sections(Watch)
    host_name: str | None = setting(
        kinds.HOST,
        None,
        "What this host is called where people read of it; by default its host name.",
    )
    reconcile_interval_s: float = setting(
        duration("1s", "1d"),
        "5m",
        "A full look at every session, because file events are only hints.",
    )
    max_sessions: int = setting(
        whole(1, 100_000), "2000", "More are reported and left alone."
    )
    max_sessions_per_uid: int = setting(
        whole(1, 100_000),
        "100000",
        "Of those, directories of one user of the machine. Lower it where others than "
        "the application's user make sessions: nobody can then take all places.",
    )
    workers: int = setting(whole(1, 64), "4", "Snapshots at a time.")
    hung_after_s: float = setting(
        duration("1s", "1d"),
        "15m",
        "A piece of work without any progress for so long hangs: then systemd is told "
        "nothing any more, and its watchdog starts the daemon anew.",
    )
    debounce: Debounce = section(Debounce)
    guard: Guard = section(Guard)
    spool: Spool = section(Spool)
    exclude: tuple[str, ...] = setting_list(
        kinds.RULE,
        DEFAULT_EXCLUDES,
        "What is left out. A / at the start is the session's directory. A directory "
        "that is left out is never watched or read. This list replaces the default.",
    )
    exclude_secrets: tuple[str, ...] = setting_list(
        kinds.RULE,
        DEFAULT_PATTERNS,
        "Files that hold secrets, by their names; the same syntax, and this list "
        "replaces the default. They are no part of a share or a link without "
        "--allow-secrets, and never of what is public.",
    )
    secrets: str = setting(
        choice("keep", "skip"),
        "keep",
        "keep takes them into versions, for their owner's restores; skip leaves them "
        "out, unless a project's own rules bring one back.",
    )
    ignore_file: str = setting(
        kinds.FILE_NAME, ".expokeepignore", "A project's own rules, in its directory."
    )
    include_git: bool = setting(
        SWITCH, "false", "Keep .git too, whatever exclude says about it."
    )
    max_file_size_bytes: int = setting(
        size("1B", "5TB"), "500MB", "Larger files are reported and left out."
    )
    storage: Storage = section(Storage)
    compression: str = setting(
        choice("off", "fastest", "auto", "better", "max"),
        "auto",
        "zstd: how much work goes into making packs small. Images, archives and the "
        "like, which are small already, never get any.",
    )
    compat_archive: str = setting(
        choice("off", "lazy", "always"),
        "off",
        "builds/ID/build.tar.gz, private, of the newest version, for an application "
        "that knows no expokeep: made after every version, or when `expokeep plan "
        "--compat` asks for it.",
    )
    database: Database = section(Database)
    retention: Retention = section(Retention)
    limits: Limits = section(Limits)
    restore: Restore = section(Restore)
    sharing: Sharing = section(Sharing)
    check: Check = section(Check)
    drill: Drill = section(Drill)
    cost: Cost = section(Cost)
    hooks: Hooks = section(Hooks)
    webhooks: tuple[Webhook, ...] = sections(Webhook)
    objective_s: float = setting(
        duration("1s", "30d"),
        "2m",
        "So old an unsaved change may get. Sessions beyond are counted in /metrics.",
    )
    addr: str = setting(
        ADDRESS,
        "127.0.0.1:9811",
        "Where /metrics, /healthz and /readyz are, to everybody who reaches it.",
        env="EXPOKEEP_ADDR",
    )
    heartbeat_url: str | None = secret(
        PING_URL,
        "Fetched as often as heartbeat-interval says while all is well, and not "
        "otherwise: whoever misses it raises the alarm.",
        env="EXPOKEEP_HEARTBEAT_URL",
        credential="heartbeat-url",
    )
    heartbeat_interval_s: float = setting(
        duration("1s", "1d"), "5m", "Between two of them."
    )
    socket: Socket = section(Socket)
    shutdown: Shutdown = section(Shutdown)
    logging: Logging = section(Logging)

    @property
    def excluded(self) -> tuple[str, ...]:
        """The rules to apply: `exclude`, as far as other settings change nothing."""
        rules = self.exclude
        if self.include_git:
            rules = tuple(rule for rule in rules if rule.strip("/") != ".git")
        return (*rules, *self.exclude_secrets) if self.secrets == "skip" else rules
