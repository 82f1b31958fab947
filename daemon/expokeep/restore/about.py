"""Tells what a person should know of a version that is restored, beside itself."""

import contextlib
from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Protocol

from expokeep.catalog.values import Around, HeldElsewhere, Host
from expokeep.errors import ExpokeepError
from expokeep.model.names import SessionId
from expokeep.model.version import Version
from expokeep.restore.ahead import Ahead
from expokeep.restore.source import About


class Surroundings(Protocol):
    """Tells what is around a version."""

    def around(self, version: Version) -> Around:
        """Return what a person should know who takes it for the newest."""
        ...

    def held_elsewhere(
        self, sessions: Collection[SessionId], host: Host
    ) -> list[HeldElsewhere]:
        """Return what other hosts hold of sessions."""
        ...


@dataclass(frozen=True, slots=True)
class Telling:
    """Tells it, as far as somebody answers: no restore fails for want of this."""

    surroundings: Surroundings | None
    """None where no database is configured."""
    host: Host

    def about(self, version: Version, ahead: Ahead | None, *, newest: bool) -> About:
        """Return what there is to know.

        Args:
            version: that is offered.
            ahead: what waits for its session here.
            newest: no other was asked for.
        """
        waiting = ahead.outlook.waiting if ahead else ()
        packs = [one.entry.pack for one in waiting]
        after = packs.index(version.pack) + 1 if version.pack in packs else 0
        about = About(
            unrecorded=version.seq == 0,
            parked_newer=len(waiting[after:]) if newest else 0,
        )
        if ahead is not None and ahead.away is not None:
            return about
        with contextlib.suppress(ExpokeepError):
            about = self._asked(version, about, newest=newest)
        return about

    def _asked(self, version: Version, about: About, *, newest: bool) -> About:
        asked = self.surroundings
        if asked is None:
            return about
        held = tuple(asked.held_elsewhere([version.session], self.host))
        if about.unrecorded:
            return replace(about, held_elsewhere=held)
        found = asked.around(version)
        return replace(
            about,
            parked_newer=about.parked_newer + (found.parked_newer if newest else 0),
            ended_at=found.ended_at,
            held_elsewhere=held,
        )
