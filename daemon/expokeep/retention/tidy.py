"""Keeps chains short and packs full: merges, writes anew, and makes room for others.

One merge at a time, with a rest after each. What fails for one session is told, and the
others have their turn.
"""

import uuid
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from expokeep.catalog.caring import Chain, LiveBlob
from expokeep.errors import BackendUnreachable, ExpokeepError
from expokeep.log import get
from expokeep.model.names import SessionId
from expokeep.retention.chains import (
    FAN,
    TOP,
    WASTE_SHARE,
    Run,
    run_to_merge,
    runs_to_repack,
    tellers,
)
from expokeep.retention.merge import Merged, Merger
from expokeep.retention.pace import Pace
from expokeep.retention.ports import Merges, Packs

log = get(__name__)

LEAST_WASTE_BYTES = 64 * 1024
"""For less nothing is written anew: a request costs more than the bytes."""


@dataclass(frozen=True, slots=True)
class Tidying:
    """What is done for packs that stay."""

    packs: Packs
    merges: Merges
    merger: Merger
    fan: int = FAN

    def merge(self, pace: Pace) -> list[Merged]:
        """Merge geometrically, until fewer than `fan` packs of each level are left."""
        done: list[Merged] = []
        for session, epoch in self.merges.crowded(fan=self.fan, top=TOP):
            while not pace.is_over:
                chain = self.merges.chain(session, epoch)
                run = run_to_merge(chain, fan=self.fan)
                if run is None or not self._merged(chain, run, done):
                    break
                pace.goes_on()
        return done

    def repack(self, pace: Pace) -> list[Merged]:
        """Write anew the packs of which too much is dead."""
        done: list[Merged] = []
        for ids in self.packs.live():
            for (session, epoch), packs in self._wasteful(ids).items():
                if pace.is_over:
                    return done
                self._repack(session, epoch, packs, done)
                pace.goes_on()
        return done

    def make_room(self, pace: Pace) -> list[Merged]:
        """Take out of the packs of deleted sessions what others need.

        While the grace of the session still runs, so that when it is over everything of
        it can go at once.
        """
        done: list[Merged] = []
        for session in self.merges.hosts_of_others():
            packs = self.merges.packs_of(session)
            guests = self.merges.blobs(session, packs, for_others=True)
            for other, blobs in _by_session(guests).items():
                if pace.is_over:
                    return done
                self._gathered(other, packs, blobs, done)
                pace.goes_on()
        return done

    def _wasteful(
        self, ids: Sequence[uuid.UUID]
    ) -> dict[tuple[SessionId, int | None], list[uuid.UUID]]:
        found: defaultdict[tuple[SessionId, int | None], list[uuid.UUID]]
        found = defaultdict(list)
        for session, epoch, pack in self.merges.wasteful(
            ids, share=WASTE_SHARE, least_bytes=LEAST_WASTE_BYTES
        ):
            found[session, epoch].append(pack)
        return found

    def _repack(
        self,
        session: SessionId,
        epoch: int | None,
        packs: Sequence[uuid.UUID],
        done: list[Merged],
    ) -> None:
        loose = set(packs)
        if epoch is not None:
            chain = self.merges.chain(session, epoch)
            loose -= {link.pack for link in tellers(chain)}
            for run in runs_to_repack(chain, packs):
                self._merged(chain, run, done)
        if loose:
            blobs = self.merges.blobs(session, loose)
            self._gathered(session, sorted(loose), blobs, done)

    def _merged(self, chain: Chain, run: Run, done: list[Merged]) -> bool:
        try:
            done.append(self.merger.merge(chain, run))
        except ExpokeepError as error:
            self._tell(chain.session, error)
            return False
        return True

    def _gathered(
        self,
        session: SessionId,
        packs: Sequence[uuid.UUID],
        blobs: Sequence[LiveBlob],
        done: list[Merged],
    ) -> None:
        try:
            done.append(self.merger.gather(session, packs, blobs))
        except ExpokeepError as error:
            self._tell(session, error)

    def _tell(self, session: SessionId, error: ExpokeepError) -> None:
        if isinstance(error, BackendUnreachable):
            raise error
        say = log.info if error.transient else log.error
        say("packs not merged", session=session, error=str(error))


def _by_session(blobs: Sequence[LiveBlob]) -> dict[SessionId, list[LiveBlob]]:
    found: defaultdict[SessionId, list[LiveBlob]] = defaultdict(list)
    for blob in blobs:
        found[blob.session].append(blob)
    return found
