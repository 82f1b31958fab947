"""Says that a version was recorded: in the log, and to all who follow."""

from expokeep.log import get
from expokeep.model.version import Version
from expokeep.service.events import Events
from expokeep.spool.spool import SpoolEntry

log = get(__name__)


def told(events: Events, entry: SpoolEntry, version: Version, took_s: float) -> None:
    """Tell of a version: `version.created`, and `version.parked` if it is not head."""
    parked = {"parked": version.parked} if version.parked else {}
    log.info(
        "version recorded",
        session=version.session,
        version=version.seq,
        files=version.file_count,
        stored_bytes=sum(pack.size_bytes for pack in entry.note.packs),
        took_s=round(took_s, 3),
        **parked,
    )
    details = {
        "seq": version.seq,
        "parked": version.parked,
        "trigger": version.trigger,
        "file_count": version.file_count,
        "size_bytes": version.size_bytes,
    }
    events.publish("version.created", version.session, **details)
    if version.parked:
        events.publish("version.parked", version.session, **details)
