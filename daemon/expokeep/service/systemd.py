"""What we tell systemd: ready, alive, how it goes, stopping. The only door of sdnotify.

Outside of systemd every call is silence.
"""

import os
from collections.abc import Mapping

import sdnotify


class Systemd:
    """The service manager, if there is one."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._notifier = sdnotify.SystemdNotifier()
        self._watchdog_s = _watchdog_s(environ)

    @property
    def ping_every_s(self) -> float:
        """How often to ping: twice within the time after which we count as hung."""
        return self._watchdog_s / 2 if self._watchdog_s else 10.0

    def ready(self, status: str) -> None:
        """Tell that every part is up, and how it goes."""
        self._notifier.notify(f"READY=1\nSTATUS={status}")

    def alive(self, status: str) -> None:
        """Tell that work gets done, and how it goes. Never called from a bare timer."""
        self._notifier.notify(f"WATCHDOG=1\nSTATUS={status}")

    def ailing(self, status: str) -> None:
        """Tell how it goes without claiming to be alive: systemd will restart us."""
        self._notifier.notify(f"STATUS={status}")

    def stopping(self) -> None:
        """Tell that we are on the way out."""
        self._notifier.notify("STOPPING=1")


def _watchdog_s(environ: Mapping[str, str]) -> float:
    """Return after how long systemd thinks we hang; zero if it does not watch us."""
    if environ.get("WATCHDOG_PID", str(os.getpid())) != str(os.getpid()):
        return 0.0
    micros = environ.get("WATCHDOG_USEC", "")
    return int(micros) / 1_000_000 if micros.isdigit() else 0.0
