"""Runs `expokeepd` in a process whose wall clock is wrong by as much as a file says.

`python elsewhen.py SCRIPT ARGUMENTS...`; ELSEWHEN names a file with two numbers of
seconds: for all that we look at, and for the signatures of requests to the bucket. Only
the wall clock jumps, as it does when somebody sets it: what never jumps goes on.
"""

import datetime
import os
import runpy
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import botocore.auth

from expokeep import clock


def _offset_s(which: int) -> int:
    """Return by how much the clock is wrong now."""
    return int(Path(os.environ["ELSEWHEN"]).read_text().split()[which])


def _now(zone: datetime.tzinfo | None = None) -> datetime.datetime:
    return datetime.datetime.now(zone) + datetime.timedelta(seconds=_offset_s(0))


def _signing_time(*_: object) -> datetime.datetime:
    """Return what a request says of its time; S3 refuses who is off by 15 minutes."""
    right = datetime.datetime.now(datetime.UTC).replace(tzinfo=None)
    return right + datetime.timedelta(seconds=_offset_s(1))


def main() -> None:
    """Bend the two places that look at the wall clock, and become the daemon."""
    clock.datetime = SimpleNamespace(
        datetime=SimpleNamespace(now=_now), UTC=datetime.UTC
    )
    clock.time = SimpleNamespace(
        time_ns=lambda: time.time_ns() + _offset_s(0) * 10**9, monotonic=time.monotonic
    )
    botocore.auth.get_current_datetime = _signing_time
    sys.argv = sys.argv[1:]
    runpy.run_path(sys.argv[0], run_name="__main__")


if __name__ == "__main__":
    main()
