"""Says that something is safe, or recorded: in the log, to who follows and counts."""

from expokeep import clock
from expokeep.log import get
from expokeep.model.tree import files_in
from expokeep.model.version import Version
from expokeep.service.events import Events
from expokeep.service.monitoring.counts import Counts
from expokeep.snapshot.keep import Sealed
from expokeep.spool.spool import SpoolEntry

log = get(__name__)


def sealed(counts: Counts, one: Sealed) -> None:
    """Count a snapshot that is safe in the spool, and what it took."""
    note = one.entry.note
    counts.add("captures_total", note.trigger, "sealed")
    captured = sum(
        file.size_bytes
        for manifest in one.manifests
        for snap in manifest.snaps
        for _, file in files_in(snap.delta.set)
    )
    packed = sum(
        blob.size_bytes for manifest in one.manifests for blob in manifest.blobs
    )
    counts.add("captured_bytes_total", amount=captured)
    counts.add("packed_bytes_total", amount=packed)
    counts.add("pack_bytes_total", amount=sum(pack.size_bytes for pack in note.packs))


def told(
    events: Events, counts: Counts, entry: SpoolEntry, version: Version, took_s: float
) -> None:
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
    lag_s = (clock.now() - entry.note.taken_at).total_seconds()
    counts.took("version_lag_seconds", max(0.0, lag_s))
    events.publish("version.created", version.session, **details)
    if version.parked:
        events.publish("version.parked", version.session, **details)
