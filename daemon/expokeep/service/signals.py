"""The signals that the daemon heeds, each taken when somebody looks.

They are blocked before the first thread starts, so that every thread inherits it: a
signal waits until it is asked for, and never runs in the middle of things.
"""

import os
import signal
from typing import Literal

HEEDED = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)

Wish = Literal["stop", "reload"]


class Signals:
    """What was asked of this process from outside."""

    def __init__(self) -> None:
        signal.pthread_sigmask(signal.SIG_BLOCK, HEEDED)
        # Whose terminal goes away means the end, as for every program of a terminal;
        # a service has none, and reads its configuration again.
        self._has_terminal = any(os.isatty(fd) for fd in (0, 2) if _is_open(fd))

    def awaited(self, wait_s: float) -> Wish | None:
        """Wait for a signal, for so long; return what it asks for."""
        found = signal.sigtimedwait(HEEDED, wait_s)
        # If we were frozen for longer than that (SIGSTOP, a machine put to sleep),
        # Python gives back the memory of a signal that never was, instead of None.
        if found is None or found.si_signo not in HEEDED:
            return None
        is_reload = found.si_signo == signal.SIGHUP and not self._has_terminal
        return "reload" if is_reload else "stop"


def _is_open(fd: int) -> bool:
    try:
        os.fstat(fd)
    except OSError:
        return False
    return True
