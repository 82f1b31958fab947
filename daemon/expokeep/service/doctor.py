"""Looks for what is known to go wrong around a daemon, and says how to mend it."""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from expokeep import clock, wiring
from expokeep.control.routes import Call, Reply
from expokeep.doctor import run
from expokeep.doctor.configured import configured
from expokeep.doctor.disks import disks
from expokeep.doctor.process import process
from expokeep.doctor.servers import Ourselves, hint_of
from expokeep.doctor.setup import secret_files_of, told
from expokeep.doctor.values import Check
from expokeep.errors import ConfigError, ExpokeepError
from expokeep.history import examined
from expokeep.history.documents import Doctor
from expokeep.model import size
from expokeep.service import bodies
from expokeep.service.app_tables import complaints, looked_for, state_of
from expokeep.service.hooking import obstacle_to
from expokeep.service.parts import Parts
from expokeep.service.reloading import Reloading
from expokeep.service.rights import Rights


@dataclass(frozen=True, slots=True)
class Doctoring:
    """A daemon's look at itself."""

    reloading: Reloading
    rights: Rights
    ourselves: Ourselves

    def doctor(self, call: Call) -> Reply:
        """Tell what was found, and what is to be known to look further."""
        self.rights.require_operator(call.peer)
        parts = self.reloading.parts
        checks = tuple(
            examined.Check(
                name=one.name,
                state=one.state,
                detail=one.detail,
                hint=one.hint,
                code=one.code,
            )
            for one in self._checks()
        )
        try:
            files = secret_files_of(self.reloading.reread())
        except ConfigError:
            files = ()
        watches = parts.observer.stats().watches
        setup = told(parts.settings, files, pid=os.getpid(), watches=watches)
        return bodies.document(Doctor(checks=checks, setup=setup))

    def _checks(self) -> Iterator[Check]:
        parts = self.reloading.parts
        settings, catalog = parts.settings, parts.engine.backends.catalog
        yield from run.servers(settings, catalog, self.ourselves)
        yield from disks(settings)
        yield from process(settings, is_root_needed=bool(settings.hooks.on_version))
        yield from configured(settings, self.reloading.reread)
        for look in _LOOKS:
            yield from look(parts)


def began_now(parts: Parts) -> Ourselves:
    """Return who looks: a daemon that has just begun."""
    return Ourselves(parts.engine.host.id, clock.now())


def _backlog(parts: Parts) -> Iterator[Check]:
    bounds, room = parts.settings.spool, parts.rooms.look()
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
        yield Check("webhooks", "error", str(error), hint_of(error))
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
        yield Check(name, "error", str(error), hint_of(error))
        return
    for what, hint in wrong:
        yield Check(name, "warning", what, hint)
    if found is not None and not wrong:
        yield Check(name, "ok", state_of(found))


def _metrics(parts: Parts) -> Iterator[Check]:
    addr = parts.settings.addr
    if parts.page_error is not None:
        hint = "`ss -ltnp` says who has it; set addr to another, or to off."
        yield Check("metrics", "error", str(parts.page_error), hint)
    elif addr:
        yield Check("metrics", "ok", addr)
    else:
        hint = "Set addr, and have Prometheus look: docs/MONITORING.md."
        yield Check("metrics", "warning", "nobody can look: addr is off", hint)


def _heartbeat(parts: Parts) -> Iterator[Check]:
    trouble = parts.heartbeat_trouble
    if parts.settings.heartbeat_url is None:
        return
    if trouble is not None:
        hint = "See RUNBOOK, `The heartbeat does not arrive`."
        yield Check("heartbeat", "error", f"not sent, or not taken: {trouble}", hint)
    else:
        yield Check("heartbeat", "ok", "the last one was taken, or none is due")


_LOOKS: tuple[Callable[[Parts], Iterator[Check]], ...] = (
    *(_backlog, _watching, _hooks, _webhooks, _sharing, _app_tables),
    *(_metrics, _heartbeat),
)
