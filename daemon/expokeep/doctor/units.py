"""What systemd does with us: asked of systemd itself, where it runs."""

import shutil
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

from expokeep.doctor.values import Check, Setup

BOOTED = Path("/run/systemd/system")
DAEMON, SESSIONS = "expokeepd.service", "expo@doctor.service"
_ASK_S = 20.0
_UNITS = {"us": 1e-6, "ms": 1e-3, "s": 1, "min": 60, "h": 3600, "d": 86400, "w": 604800}
_LEAST_WATCHDOG_S = 20.0
_WANTED = (*("LoadState", "TimeoutStopUSec", "WatchdogUSec", "Restart", "PrivateTmp"),)


def units(setup: Setup) -> Iterator[Check]:
    """Look at our unit and at that of sessions; at nothing where none is loaded."""
    if not BOOTED.exists() or shutil.which("systemctl") is None:
        return
    ours = shown(DAEMON)
    if ours.get("LoadState") == "loaded":
        yield from unit(ours, setup.flush_timeout_s)
    theirs = shown(SESSIONS)
    if theirs.get("LoadState") == "loaded":
        yield private_tmp(theirs)


def unit(ours: Mapping[str, str], flush_timeout_s: float) -> Iterator[Check]:
    """Look at the daemon's unit, as `systemctl show` has it."""
    stop_s, watchdog_s = seconds(ours["TimeoutStopUSec"]), seconds(ours["WatchdogUSec"])
    edit = f"`systemctl edit {DAEMON}`"
    if stop_s <= flush_timeout_s:
        detail = (
            f"systemd kills after {stop_s:g} s, and shutdown.flush-timeout is "
            f"{flush_timeout_s:g} s"
        )
        hint = f"{edit}: `TimeoutStopSec={flush_timeout_s + 30:g}`; what is left waits"
        yield Check("TimeoutStopSec", "error", detail, f"{hint} in the spool.")
    else:
        yield Check("TimeoutStopSec", "ok", f"{stop_s:g} s")
    if watchdog_s == 0:
        hint = f"{edit}: `WatchdogSec=60`."
        yield Check("WatchdogSec", "warning", "a daemon that hangs goes on", hint)
    elif watchdog_s < _LEAST_WATCHDOG_S:
        hint = f"{edit}: `WatchdogSec=60`."
        detail = f"{watchdog_s:g} s ends a daemon that is only busy"
        yield Check("WatchdogSec", "warning", detail, hint)
    else:
        # Of who does not run systemd says infinity, whatever the unit has.
        is_told = watchdog_s != float("inf")
        detail = f"{watchdog_s:g} s" if is_told else "told while the daemon runs"
        yield Check("WatchdogSec", "ok", detail)
    if ours.get("Restart") != "always":
        hint = f"{edit}: `Restart=always`."
        detail = f"Restart={ours.get('Restart')}: who dies stays dead"
        yield Check("Restart", "warning", detail, hint)
    else:
        yield Check("Restart", "ok", "always")


def private_tmp(theirs: Mapping[str, str]) -> Check:
    """Look whether sessions have a /tmp of their own."""
    if theirs.get("PrivateTmp", "no") == "no":
        return Check("PrivateTmp", "ok", "expo@.service shares the machine's /tmp")
    detail = "expo@.service has a /tmp of its own: nothing in it is kept or restored"
    hint = (
        "`systemctl edit expo@.service`: `[Service]` and `PrivateTmp=no`; then restart "
        "the sessions."
    )
    return Check("PrivateTmp", "error", detail, hint)


def credentials(text: str) -> tuple[Path, ...]:
    """Return the files from which systemd takes our secrets, by a unit's words.

    >>> credentials("LoadCredential=pepper:/etc/pepper\\nEnvironmentFile=-/etc/env")
    (PosixPath('/etc/pepper'), PosixPath('/etc/env'))
    """
    found: list[str] = []
    for line in text.splitlines():
        key, _, value = line.strip().partition("=")
        if key == "LoadCredential":
            found = [*found, value.partition(":")[2]] if value else []
        elif key == "EnvironmentFile":
            found.append(value.removeprefix("-"))
    return tuple(Path(path) for path in found if path.startswith("/"))


def credential_files() -> tuple[Path, ...]:
    """Return the same, of the unit that is here, with its drop-ins."""
    if not BOOTED.exists() or shutil.which("systemctl") is None:
        return ()
    # `systemctl show` knows no LoadCredential= before 253.
    return credentials(_asked("cat", DAEMON))


def shown(unit: str) -> dict[str, str]:
    """Return what `systemctl show` tells of a unit; nothing if it tells nothing."""
    answer = _asked("show", unit, *(f"--property={name}" for name in _WANTED))
    found: dict[str, str] = {}
    for line in answer.splitlines():
        name, _, value = line.partition("=")
        found[name] = value
    return found


def seconds(text: str) -> float:
    """Return a duration as systemd writes it, in seconds.

    >>> seconds("1min 30s"), seconds("infinity"), seconds("0"), seconds("500ms")
    (90.0, inf, 0.0, 0.5)
    """
    if text == "infinity":
        return float("inf")
    total = 0.0
    for word in text.split():
        number = word.rstrip("abcdefghijklmnopqrstuvwxyz")
        total += float(number or 0) * _UNITS.get(word[len(number) :], 1)
    return total


def _asked(*words: str) -> str:
    """Return what systemctl prints; nothing if it does not answer."""
    try:
        done = subprocess.run(  # noqa: S603 - the words are ours
            ["systemctl", *words],  # noqa: S607 - found where the caller has it
            capture_output=True,
            text=True,
            timeout=_ASK_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout
