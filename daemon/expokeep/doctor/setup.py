"""What is to be known of a daemon, and as settings have it."""

import re
from pathlib import Path

from expokeep.doctor.values import Setup
from expokeep.history.examined import DaemonSetup
from expokeep.settings.declare import keys
from expokeep.settings.load import Loaded
from expokeep.settings.values import Settings

_OPENS_NOTHING = frozenset({"storage.access-key-id"})
"""The name of a key, which units have in the configuration; alone it opens nothing."""


def secret_files_of(loaded: Loaded) -> tuple[Path, ...]:
    """Return the files in which secrets of these settings are."""
    found: list[Path] = []
    for key, source in loaded.sources.items():
        if source.kind == "secret file":
            found.append(Path(source.where))
        elif source.kind == "file" and _is_secret(key) and loaded.path:
            found.append(loaded.path)
    return tuple(dict.fromkeys(found))


def setup_of(loaded: Loaded) -> Setup:
    """Return what there is to know where no daemon runs."""
    settings = loaded.settings
    return Setup(
        watch=tuple((one.dir, one.pattern) for one in settings.watch),
        state_dir=settings.state_dir,
        group=settings.socket.group,
        flush_timeout_s=settings.shutdown.flush_timeout_s,
        max_sessions=settings.max_sessions,
        secret_files=secret_files_of(loaded),
    )


def told(
    settings: Settings, secret_files: tuple[Path, ...], *, pid: int, watches: int
) -> DaemonSetup:
    """Return what a daemon says of itself."""
    return DaemonSetup(
        pid=pid,
        watch=tuple((str(one.dir), one.pattern) for one in settings.watch),
        state_dir=str(settings.state_dir),
        socket_group=settings.socket.group,
        flush_timeout_s=settings.shutdown.flush_timeout_s,
        max_sessions=settings.max_sessions,
        watches_used=watches,
        secret_files=tuple(map(str, secret_files)),
    )


def _is_secret(key: str) -> bool:
    declared = keys(Settings).get(re.sub(r"\[\d+\]", "[]", key))
    return (
        declared is not None
        and declared.credential is not None
        and key not in _OPENS_NOTHING
    )
