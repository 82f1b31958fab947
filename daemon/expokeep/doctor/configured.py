"""Settings that are right one by one, and not what their author thinks."""

from collections.abc import Callable, Iterator
from urllib.parse import urlsplit

from expokeep.doctor.values import Check
from expokeep.errors import ConfigError
from expokeep.settings.load import Loaded
from expokeep.settings.renewing import LIVE, differing
from expokeep.settings.values import Settings

HEARTBEAT_S = 10.0
"""So often a daemon renews its lease."""
_LOCAL = ("localhost", "127.0.0.1", "::1")
_SHOWN = 8


def configured(settings: Settings, reread: Callable[[], Loaded]) -> Iterator[Check]:
    """Look at what holds beside what would hold after a restart."""
    try:
        loaded = reread()
    except ConfigError as error:
        hint = "`expokeepd --check-config` says it too. The next start would end by it."
        yield Check("configuration", "error", str(error), hint)
    else:
        yield _drift(settings, loaded)
        yield overriding(loaded)
    yield from consistency(settings)


def consistency(settings: Settings) -> Iterator[Check]:
    """Look at what settings come to together."""
    wrong = list(_contradictions(settings))
    for detail, hint in wrong:
        yield Check("settings", "warning", detail, hint)
    if not wrong:
        yield Check("settings", "ok", "nothing contradicts")
    yield encryption(settings)


def overriding(loaded: Loaded) -> Check:
    """Look for what the file says in vain."""
    if loaded.overridden:
        told = [
            f"{key} ({place} against {loaded.sources[key]})"
            for key, place in list(loaded.overridden.items())[:_SHOWN]
        ]
        hint = "Take it out of the file, or unset the variable or the flag."
        detail = f"what the file says does not hold: {', '.join(told)}"
        return Check("overridden settings", "warning", detail, hint)
    return Check("overridden settings", "ok", "what the file says holds")


def _drift(settings: Settings, loaded: Loaded) -> Check:
    changed = differing(settings, loaded.settings)
    if not changed:
        return Check("configuration", "ok", str(loaded.path or "without a file"))
    waits = [key for key in changed if key not in LIVE]
    shown = ", ".join(changed[:_SHOWN])
    hint = (
        "`systemctl restart expokeepd`: not all of it follows a reload."
        if waits
        else "`expokeep reload`."
    )
    detail = f"changed since it was read: {shown}"
    return Check("configuration", "warning", detail, hint)


def _contradictions(settings: Settings) -> Iterator[tuple[str, str]]:
    """Yield what is wrong together, and what to do."""
    retention, most_mb = settings.retention, settings.limits.max_build_size_mb
    if retention.grace_s == 0:
        detail = "retention.grace is 0: what is deleted by mistake is gone at once"
        yield detail, "Set retention.grace to 7d; an old backup of Postgres needs it."
    if retention.warn_before_s >= retention.days * 86400:
        detail = "retention.warn-before is not less than retention.days"
        yield detail, "Set it lower: every build is about to expire."
    if settings.max_file_size_bytes > most_mb * 1024 * 1024:
        detail = "max-file-size is more than limits.max-build-size-mb"
        yield detail, "Set it lower, or the limit higher: no build holds such a file."
    if settings.sharing.default_expires_s > settings.sharing.max_expires_s:
        detail = "sharing.default-expires is more than sharing.max-expires"
        yield detail, "Set it lower: every share without --expires is refused."
    if settings.database.lease_ttl_s < 2 * HEARTBEAT_S:
        detail = "database.lease-ttl is less than two heartbeats of 10s"
        yield detail, "Set it to 30s: one slow answer, and another host takes over."
    if settings.spool.fsync == "never":
        detail = "spool.fsync is never: a power cut loses what waits"
        yield detail, "Set spool.fsync to commit."


def encryption(settings: Settings) -> Check:
    """Look whether keys and contents leave this machine unencrypted."""
    found = []
    for key, url in (
        ("storage.endpoint", settings.storage.endpoint),
        ("storage.public-url", settings.storage.public_url),
    ):
        parts = urlsplit(url or "")
        if parts.scheme == "http" and (parts.hostname or "") not in _LOCAL:
            found.append(key)
    if found:
        detail = f"{', '.join(found)}: http, so whoever is on the way reads all of it"
        return Check("encryption", "error", detail, "Write https instead.")
    return Check("encryption", "ok", "nothing goes in the clear")
