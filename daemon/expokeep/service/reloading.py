"""Reads the configuration again while the daemon runs.

It is checked as a whole first: one mistake, and all stays as it was. What can follow
at once does, the rest is named. Parts that copied a value are told here.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from expokeep import clock, wiring
from expokeep import log as logs
from expokeep.errors import ConfigError
from expokeep.history.operating import Reloaded
from expokeep.service.parts import Parts
from expokeep.settings.load import Loaded
from expokeep.settings.policies import guard_of, policy_of, quotas_of
from expokeep.settings.renewing import LIVE, become, differing, renew

log = logs.get(__name__)


@dataclass(frozen=True, slots=True)
class Reloading:
    """Reloads one daemon; one at a time."""

    parts: Parts
    reread: Callable[[], Loaded]
    """Reads flags, environment and file as the start did. Raises ConfigError."""
    _alone: threading.Lock = field(default_factory=threading.Lock)

    def reload(self) -> Reloaded:
        """Read it again; return what holds now, and what takes a restart.

        Raises:
            ConfigError: something is wrong with it; the old one holds.
        """
        with self._alone:
            loaded = self._read()
            changed = differing(self.parts.settings, loaded.settings)
            live = [key for key in changed if key in LIVE]
            renew(self.parts.settings, loaded.settings, live)
            if live:
                self._tell_those_who_copied()
        told = Reloaded(
            applied=tuple(live),
            restart=tuple(key for key in changed if key not in LIVE),
            file=str(loaded.path) if loaded.path else None,
        )
        log.info("configuration reloaded", applied=live, restart=list(told.restart))
        self.parts.events.publish(
            "daemon.reloaded", None, applied=live, restart=list(told.restart)
        )
        return told

    def _read(self) -> Loaded:
        try:
            loaded = self.reread()
        except ConfigError:
            self.parts.is_config_good = False
            raise
        self.parts.is_config_good, self.parts.config_read_at = True, clock.now()
        return loaded

    def _tell_those_who_copied(self) -> None:
        parts, settings = self.parts, self.parts.settings
        logs.configure(
            level=settings.logging.level, as_json=settings.logging.type == "json"
        )
        debounce, engine = settings.debounce, parts.engine
        parts.saving.turnstile.pace(debounce.quiet_s, debounce.max_wait_s)
        parts.board.max_sessions = settings.max_sessions
        parts.board.max_sessions_per_uid = settings.max_sessions_per_uid
        parts.board.let_in()
        parts.rooms.bounds = settings.spool
        become(engine.snapshotter.tools.policy, policy_of(settings))
        become(engine.shipper.judge.guard, guard_of(settings))
        if (quotas := wiring.quota_rules(engine.backends)) is not None:
            become(quotas, quotas_of(settings))
