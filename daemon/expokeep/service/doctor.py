"""Looks for what is known to go wrong around a daemon, and says how to mend it."""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from expokeep import clock, wiring
from expokeep.errors import ConfigError, ExpokeepError
from expokeep.model import size
from expokeep.service.app_tables import complaints, looked_for, state_of
from expokeep.service.hooking import obstacle_to
from expokeep.service.parts import Parts

SKEW_WARN_S = 5.0
_INOTIFY = Path("/proc/sys/fs/inotify")
_WATCHES_PER_SESSION = 37
"""Directories of an Expo project without node_modules, as measured."""


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at."""

    name: str
    state: Literal["ok", "warning", "error"]
    detail: str
    hint: str = ""


def examine(parts: Parts) -> list[Check]:
    """Look at everything around a running daemon."""
    checks: tuple[Callable[[Parts], Iterator[Check]], ...] = (
        _postgres,
        _bucket,
        _inotify,
        _directories,
        _disk,
        _watching,
        _hooks,
        _webhooks,
        _sharing,
        _app_tables,
    )
    return [found for check in checks for found in check(parts)]


def _postgres(parts: Parts) -> Iterator[Check]:
    catalog = parts.engine.backends.catalog
    try:
        before = clock.now()
        theirs = catalog.server_time()
        middle = before + (clock.now() - before) / 2
        status = catalog.schema_status()
    except ExpokeepError as error:
        yield Check("postgres", "error", str(error), error.hint)
        return
    yield Check("postgres", "ok", "it answers")
    if status.pending:
        hint = "Run `expokeep db migrate` with a role that may change the schema."
        yield Check("schema", "warning", f"{len(status.pending)} pending", hint)
    else:
        yield Check("schema", "ok", f"version {status.found}")
    skew_s = abs((theirs - middle).total_seconds())
    detail = f"{skew_s:.1f} s from Postgres' clock"
    if skew_s > SKEW_WARN_S:
        yield Check("clock", "warning", detail, "Synchronize this host's clock (NTP).")
    else:
        yield Check("clock", "ok", detail)


def _bucket(parts: Parts) -> Iterator[Check]:
    try:
        parts.engine.backends.store.check()
    except ExpokeepError as error:
        yield Check("bucket", "error", str(error), error.hint)
    else:
        yield Check("bucket", "ok", f"{parts.settings.storage.bucket} answers")


def _inotify(parts: Parts) -> Iterator[Check]:
    used = parts.observer.stats().watches
    limit = int((_INOTIFY / "max_user_watches").read_text())
    detail = f"{used} of {limit} watches in use"
    wanted = parts.settings.max_sessions * _WATCHES_PER_SESSION
    if used > limit * 0.8:
        hint = f"sysctl fs.inotify.max_user_watches={max(2 * limit, wanted)}"
        yield Check("inotify", "error", detail, hint)
    elif limit < wanted:
        hint = (
            f"For {parts.settings.max_sessions} sessions of usual size: "
            f"sysctl fs.inotify.max_user_watches={wanted}"
        )
        yield Check("inotify", "warning", detail, hint)
    else:
        yield Check("inotify", "ok", detail)


def _directories(parts: Parts) -> Iterator[Check]:
    for watch in parts.settings.watch:
        if not os.access(watch.dir, os.R_OK | os.X_OK):
            hint = "Create it, or let the daemon's user read it."
            yield Check("watch directory", "error", f"{watch.dir} is closed", hint)
        else:
            yield Check("watch directory", "ok", str(watch.dir))
    for name, path in (
        ("state directory", parts.settings.state_dir),
        ("spool", parts.settings.spool.path),
    ):
        if not os.access(path, os.W_OK | os.X_OK):
            hint = "Let the daemon's user write there."
            yield Check(name, "error", f"{path} is not writable", hint)
        else:
            yield Check(name, "ok", str(path))


def _disk(parts: Parts) -> Iterator[Check]:
    bounds, room = parts.settings.spool, parts.rooms.look()
    detail = f"{size.shown(room.free_bytes)} free at {bounds.path}"
    if room.free_bytes < bounds.min_free_bytes:
        hint = "Make room: when it is full, nothing more can be captured."
        yield Check("disk", "error", detail, hint)
    else:
        yield Check("disk", "ok", detail)
    used, most = size.shown(room.used_bytes), size.shown(bounds.max_size_bytes)
    if room.used_bytes > bounds.max_size_bytes:
        hint = "Only the newest states are kept: let uploads go on, or raise max-size."
        yield Check("backlog", "error", f"{used}, of {most} at most", hint)
    else:
        yield Check("backlog", "ok", f"{used}, of {most} at most")


def _watching(parts: Parts) -> Iterator[Check]:
    stats = parts.observer.stats()
    if not parts.observer.alive():
        yield Check("watching", "error", "the reader of events makes no progress")
    elif stats.degraded or stats.unwatched_roots:
        count = len(stats.degraded)
        hint = "Raise fs.inotify.max_user_watches; until then they are polled."
        yield Check("watching", "warning", f"{count} sessions are polled", hint)
    else:
        yield Check("watching", "ok", f"{stats.sessions} sessions")


def _hooks(parts: Parts) -> Iterator[Check]:
    hooks = parts.settings.hooks
    if not hooks.on_version:
        return
    if (obstacle := obstacle_to(hooks)) is not None:
        hint = "See docs/HOOKS.md, `Where hooks run`."
        yield Check("hooks", "error", f"they are not run: {obstacle}", hint)
    else:
        yield Check("hooks", "ok", f"{hooks.parallelism} at a time")


def _webhooks(parts: Parts) -> Iterator[Check]:
    outbox = wiring.outbox(parts.engine)
    if outbox is None or not any(one.url for one in parts.settings.webhooks):
        return
    try:
        standing = outbox.standing()
    except ExpokeepError as error:
        yield Check("webhooks", "error", str(error), error.hint)
        return
    dead, waiting = sum(one.dead for one in standing), sum(o.waiting for o in standing)
    if dead:
        hint = (
            "`expokeep webhooks list` says why; `expokeep webhooks retry` tries again."
        )
        yield Check("webhooks", "warning", f"{dead} events were given up", hint)
    else:
        yield Check("webhooks", "ok", f"{len(standing)}, {waiting} events wait")


def _sharing(parts: Parts) -> Iterator[Check]:
    if not parts.settings.sharing.enabled:
        return
    try:
        strange, is_own = wiring.strange_shares(parts.settings, parts.engine.backends)
    except ConfigError as error:
        hint = error.hint or "See RUNBOOK, `A link does not work`."
        yield Check("sharing", "error", str(error), hint)
        return
    except ExpokeepError:
        return  # the check of Postgres has told it
    hint = "Give all hosts of a database one pepper: sharing.pepper-file."
    if strange:
        detail = f"{strange} shares were made under another pepper: no host with this "
        yield Check("sharing", "warning", f"{detail}one opens them", hint)
    elif is_own:
        detail = "the pepper is this host's own: no other host knows its tokens"
        yield Check("sharing", "warning", detail, hint)
    else:
        yield Check("sharing", "ok", "its pepper is configured")


def _app_tables(parts: Parts) -> Iterator[Check]:
    name = "app's tables"
    try:
        found, wrong = looked_for(parts), list(complaints(parts))
    except ExpokeepError as error:
        yield Check(name, "error", str(error), error.hint)
        return
    for what, hint in wrong:
        yield Check(name, "warning", what, hint)
    if found is not None and not wrong:
        yield Check(name, "ok", state_of(found))
