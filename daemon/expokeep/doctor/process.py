"""What a daemon may do: its user, its capabilities, its open files."""

import os
import re
import resource
from collections.abc import Iterator
from pathlib import Path

from expokeep.doctor.values import Check
from expokeep.model.names import for_terminal
from expokeep.settings.values import Settings

_DAC_READ_SEARCH, _DAC_OVERRIDE = 1 << 2, 1 << 1
_SHOWN = 5


def process(settings: Settings, *, is_root_needed: bool) -> Iterator[Check]:
    """Look at the process that we are: the daemon's."""
    yield _open_files(settings)
    yield _user(is_root_needed=is_root_needed)
    yield from _foreign(settings)


def _open_files(settings: Settings) -> Check:
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = settings.spool.pin_fds * 4
    if soft != resource.RLIM_INFINITY and soft < wanted:
        detail = f"{soft} may be open: of spool.pin-fds only {soft // 4} are held"
        hint = (
            "`systemctl edit expokeepd`: `LimitNOFILE=65536`; or a lower spool.pin-fds."
        )
        return Check("open files", "warning", detail, hint)
    return Check("open files", "ok", f"{soft} may be open")


def _user(*, is_root_needed: bool) -> Check:
    if os.geteuid() == 0 and not is_root_needed:
        hint = (
            "Run it by expokeepd.service: as a user of its own, with no right but "
            "CAP_DAC_READ_SEARCH."
        )
        return Check("daemon's user", "warning", "it is root, and need not be", hint)
    return Check("daemon's user", "ok", f"uid {os.geteuid()}")


def _foreign(settings: Settings) -> Iterator[Check]:
    """Look whether there are sessions that we may not read."""
    if os.geteuid() == 0 or capabilities() & (_DAC_READ_SEARCH | _DAC_OVERRIDE):
        yield Check("foreign sessions", "ok", "sessions of all users can be read")
        return
    closed = [
        for_terminal(os.fsencode(path))
        for watch in settings.watch
        for path in sorted(watch.dir.glob(watch.pattern))
        if path.is_dir() and not path.is_symlink() and not _is_open(path)
    ]
    if closed:
        more = f" and {len(closed) - _SHOWN} more" if len(closed) > _SHOWN else ""
        detail = f"closed to uid {os.geteuid()}: {', '.join(closed[:_SHOWN])}{more}"
        hint = (
            "`systemctl edit expokeepd`: `AmbientCapabilities=CAP_DAC_READ_SEARCH` and "
            "`CapabilityBoundingSet=` the same; or run sessions as its user."
        )
        yield Check("foreign sessions", "error", detail, hint)
    else:
        yield Check("foreign sessions", "ok", "all that are here can be read")


def capabilities(status: Path = Path("/proc/self/status")) -> int:
    """Return which capabilities count for this process, one bit for each."""
    found = re.search(r"^CapEff:\s*([0-9a-f]+)$", status.read_text(), re.MULTILINE)
    return int(found[1], 16) if found else 0


def _is_open(path: Path) -> bool:
    return os.access(path, os.R_OK | os.X_OK)
