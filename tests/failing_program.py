"""expokeepd in which some things go wrong that never should, and say what they know."""

import os
import sys

from expokeep.service.main import main
from expokeep.service.operating import OperatingRoutes
from expokeep.snapshot.run import Snapshotter

_snapshot = Snapshotter.snapshot


def _told() -> str:
    return " ".join(
        os.environ[name] for name in ("DATABASE_URL", "R2_SECRET_ACCESS_KEY")
    )


def _failing(self: Snapshotter, request: object, *more: object) -> object:
    if getattr(request, "session", "").startswith("failing"):
        raise RuntimeError(f"a worker with {_told()}")
    return _snapshot(self, request, *more)  # type: ignore[arg-type]


def _failed(_self: object, _call: object) -> None:
    raise RuntimeError(f"a request with {_told()}")


if __name__ == "__main__":
    Snapshotter.snapshot = _failing  # type: ignore[assignment,method-assign]
    OperatingRoutes.drain = _failed  # type: ignore[assignment,method-assign]
    sys.argv = sys.argv[1:]
    main()
