"""Tells the daemon how a restore ended. That it hears of it is not worth a failure."""

import contextlib
from collections.abc import Callable

from expokeep.cli.asking import Asked
from expokeep.errors import (
    AccessDenied,
    Busy,
    DaemonUnreachable,
    ExpokeepError,
    NotFound,
    TargetExists,
    UsageError,
)
from expokeep.restore.run import Result

REFUSALS = (AccessDenied, Busy, DaemonUnreachable, NotFound, TargetExists, UsageError)
"""Not begun, because it was not to be."""


def told(asked: Asked, bring: Callable[[], Result]) -> Result:
    """Restore, and tell how that ended; pass on what came of it."""
    try:
        result = bring()
    except REFUSALS:
        raise
    except (ExpokeepError, OSError):
        _tell(asked, None)
        raise
    if result.action != "nothing":
        _tell(asked, result)
    return result


def _tell(asked: Asked, result: Result | None) -> None:
    with contextlib.suppress(ExpokeepError, OSError):
        asked.restored(result)
