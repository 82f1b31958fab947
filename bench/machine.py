"""Says on what a run was made, in a few lines for people."""

import os
import platform
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path


def describe(work: Path) -> Iterator[str]:
    """Return the date, the machine, and the disk that the trees were on."""
    yield (
        f"{datetime.now(UTC):%Y-%m-%d}, {_processor()}, {os.cpu_count()} cores,"
        f" {_memory_bytes() / 2**30:.0f} GiB, Linux {platform.release()},"
        f" {_file_system(work)}, Python {platform.python_version()},"
        f" load {os.getloadavg()[0]:.1f} at the start."
    )


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def _memory_bytes() -> int:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def _file_system(folder: Path) -> str:
    done = subprocess.run(
        ["stat", "--file-system", "--format=%T", folder],
        check=True,
        capture_output=True,
        text=True,
    )
    return done.stdout.strip()
