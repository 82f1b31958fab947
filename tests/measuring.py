"""How much memory this process takes at its most, while a test does something.

Of that time alone: what earlier tests took in the same process hides nothing.
"""

import contextlib
from collections.abc import Iterator
from pathlib import Path

_FORGET_THE_PEAK = "5"


def peak_bytes(pid: int | str = "self") -> int:
    """Return how much memory a process ever had at once, since that was forgotten."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM"):
            return int(line.split()[1]) * 1024
    raise AssertionError(pid)


@contextlib.contextmanager
def at_most(more_bytes: int) -> Iterator[None]:
    """Fail if this process takes more than so much beside what it had before."""
    Path("/proc/self/clear_refs").write_text(_FORGET_THE_PEAK)
    before = peak_bytes()
    yield
    assert peak_bytes() - before < more_bytes
