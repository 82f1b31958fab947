"""Adds to a catalog what the bucket holds and it does not know; takes nothing away.

For a Postgres that came back from an older backup: what was recorded after it, and for
what hosts uploaded that never came to record it.
"""

import shutil

from expokeep.crash import point
from expokeep.log import get
from expokeep.rebuild.run import Run, Tools
from expokeep.rebuild.values import Report

log = get(__name__)

SILENT_S = 600.0
"""A host that was not heard of for so long does not come to record what it uploaded."""


def adopted(tools: Tools, *, dry_run: bool = False) -> Report:
    """Add what the catalog does not know, and let it delete again afterwards.

    Raises:
        BackendUnreachable, AccessDenied: it can be called again.
    """
    known_at = tools.catalog.facts_at()
    if not dry_run:
        # What was changed here since the backup came back counts more than what was
        # changed before it was lost.
        tools.note()
    run = Run(tools, dry_run=dry_run, is_adding=True)
    settled = tools.catalog.settled()
    run.read(pack for pack in run.packs() if pack.key not in settled)
    if not dry_run:
        run.expect()
    newer = (sid for sid, at in run.heard.newest.items() if at > known_at)
    run.revive(newer)
    if not dry_run:
        tools.catalog.end(run.report.generation, run.heard.newest_at)
        point("after-rebuild-end")
        shutil.rmtree(tools.place, ignore_errors=True)
    return run.report
