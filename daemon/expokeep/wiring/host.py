"""Who this host is."""

import os
import socket
import uuid

from expokeep.catalog.values import Host
from expokeep.errors import ConfigError
from expokeep.settings.values import Settings


def host_of(settings: Settings) -> Host:
    """Return who this host is: a random id that its state directory keeps."""
    state_dir, name = settings.state_dir, settings.host_name or socket.gethostname()
    file = state_dir / "host-id"
    try:
        return Host(uuid.UUID(file.read_text().strip()), name)
    except FileNotFoundError:
        state_dir.mkdir(mode=0o755, parents=True, exist_ok=True)
        host_id = uuid.uuid4()
        fresh = file.with_suffix(".new")
        fresh.write_text(f"{host_id}\n")
        os.sync()  # or a loss of power leaves an empty file, and no start gets on
        fresh.replace(file)
        return Host(host_id, name)
    except ValueError as error:
        reason = f"{file} does not hold a UUID; remove it to become a new host"
        raise ConfigError(reason) from error
