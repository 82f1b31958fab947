"""The key under which this host hashes the tokens of shares."""

import contextlib
import os
import tempfile
from pathlib import Path

from expokeep.errors import ConfigError
from expokeep.settings.values import Settings
from expokeep.share.token import Pepper, new_pepper

_LEAST_CHARACTERS = 16


def pepper_of(settings: Settings) -> Pepper:
    """Return the key: the one of the settings, or one of this host's own.

    The latter is made the first time, in the state directory, readable by nobody else.

    Raises:
        ConfigError: the file of that key holds something else, or cannot be read.
    """
    if settings.sharing.pepper is not None:
        return Pepper(settings.sharing.pepper.encode())
    file = settings.state_dir / "pepper"
    try:
        if not file.exists():
            _write(file, new_pepper())
        key = file.read_text().strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"the key of shares cannot be kept in {file}") from error
    if len(key) < _LEAST_CHARACTERS:
        # Never made anew by itself: every token that was handed out would be lost.
        raise ConfigError(f"{file} does not hold the key of shares any more")
    return Pepper(key.encode())


def _write(file: Path, key: str) -> None:
    """Write it as a whole or not at all; whoever comes second keeps the first one."""
    file.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile("w", dir=file.parent, prefix="pepper.") as fresh:
        fresh.write(f"{key}\n")
        fresh.flush()
        os.fsync(fresh.fileno())
        with contextlib.suppress(FileExistsError):
            os.link(fresh.name, file)
        os.sync()  # a loss of power must not end every link that was handed out
