"""Where the state directory, the control socket and the configuration file are.

All that the thin client has to know, so this module reads no YAML and imports nothing
beyond the standard library.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

CONFIG = Path("/etc/expokeep/expokeep.yaml")
SYSTEM_STATE_DIR = Path("/var/lib/expokeep")
SERVICE_SOCKET = Path("/run/expokeep/control.sock")
SOCKET_NAME = "control.sock"


class Locations(NamedTuple):
    """Where a client looks for the daemon."""

    state_dir: Path
    sockets: tuple[Path, ...]
    """To be tried in this order. Exactly one where the caller named it; otherwise that
    of the state directory, then that of the service."""


def find_config(environ: Mapping[str, str], given: Path | None = None) -> Path | None:
    """Return the configuration file: `given`, EXPOKEEP_CONFIG, or the one in /etc.

    A file that was named is returned whether it exists or not: `load` then says that it
    does not. None means that there is none, and that defaults and environment hold.
    """
    named = given or environ.get("EXPOKEEP_CONFIG")
    if named:
        return Path(named).absolute()
    # `access`, because `exists` raises where /etc/expokeep is closed to this user.
    return CONFIG if os.access(CONFIG, os.F_OK) else None


def client_locations(
    environ: Mapping[str, str], flags: Mapping[str, object], *, uid: int | None = None
) -> Locations:
    """Return where a client finds the daemon; `flags` as for `load`.

    A socket that only the configuration file names is not found: such a site sets
    EXPOKEEP_SOCKET for its people.
    """
    state = state_dir(environ, flags, uid=uid)
    if socket := _named(environ, flags, "socket.path", "EXPOKEEP_SOCKET"):
        return Locations(state, (socket,))
    own = state / SOCKET_NAME
    if _named(environ, flags, "state-dir", "EXPOKEEP_STATE_DIR"):
        return Locations(state, (own,))
    return Locations(state, (own, SERVICE_SOCKET))


def state_dir(
    environ: Mapping[str, str], flags: Mapping[str, object], *, uid: int | None = None
) -> Path:
    """Return the state directory, which may not exist yet.

    In this order: the flag `state-dir`, EXPOKEEP_STATE_DIR, the one that systemd made
    for the service, /var/lib/expokeep for root, the XDG state directory for a user.
    """
    named = _named(environ, flags, "state-dir", "EXPOKEEP_STATE_DIR")
    if found := named or _from_systemd(environ, "STATE_DIRECTORY"):
        return found
    if (os.geteuid() if uid is None else uid) == 0:
        return SYSTEM_STATE_DIR
    base = Path(environ.get("XDG_STATE_HOME", ""))
    if not base.is_absolute():  # the XDG standard has a relative one ignored
        base = Path(environ.get("HOME") or Path.home()) / ".local/state"
    return base / "expokeep"


def daemon_socket(environ: Mapping[str, str], state: Path) -> Path:
    """Return where a daemon listens if nobody says otherwise.

    That is /run/expokeep in the service, where systemd made that directory for it.
    """
    return (_from_systemd(environ, "RUNTIME_DIRECTORY") or state) / SOCKET_NAME


def _named(
    environ: Mapping[str, str], flags: Mapping[str, object], flag: str, variable: str
) -> Path | None:
    named = flags.get(flag) or environ.get(variable)
    return Path(str(named)).absolute() if named else None


def _from_systemd(environ: Mapping[str, str], variable: str) -> Path | None:
    # Only a directory of our name is ours: a client in the unit of a web application
    # inherits that application's STATE_DIRECTORY.
    for text in environ.get(variable, "").split(":"):
        if text.startswith("/") and Path(text).name == "expokeep":
            return Path(text)
    return None
