"""Reads the spool of a daemon from another process, which changes nothing in it."""

from dataclasses import dataclass
from pathlib import Path

from expokeep.log import get
from expokeep.model.names import SessionId
from expokeep.spool.entry import SpoolDamaged, SpoolEntry, read_entry

log = get(__name__)


@dataclass(frozen=True, slots=True)
class PeekedSpool:
    """What waits on disk right now. A daemon may be recording it meanwhile."""

    path: Path

    def pending(self, session: SessionId) -> list[SpoolEntry]:
        """Return what waits for a session, in the order of its recording."""
        entries = []
        for directory in sorted(self._listed(self.path / session)):
            if not directory.name[:1].isdigit():
                continue  # a draft, or what is left of what was recorded
            try:
                entries.append(read_entry(directory))
            except SpoolDamaged as error:
                if directory.exists():
                    log.warning("spool entry damaged", reason=str(error))
        return [
            one for one in entries if not any(other.replaces(one) for other in entries)
        ]

    def sessions(self) -> list[SessionId]:
        """Return the sessions for which something may wait."""
        return [SessionId(place.name) for place in self._listed(self.path)]

    def _listed(self, place: Path) -> list[Path]:
        try:
            return [*place.iterdir()]
        except FileNotFoundError:
            return []
        except OSError as error:
            # The caller goes on with what is recorded, and is to know that it does.
            log.warning("what waits on this host cannot be read", reason=str(error))
            return []
