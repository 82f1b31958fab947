"""Both servers at once: what `expokeepd --embedded` keeps its data in."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from expokeep.embedded.postgres import Postgres, running_postgres
from expokeep.embedded.seaweed import Seaweed, launched_seaweed, up


@dataclass(frozen=True, slots=True)
class Servers:
    """How to reach both."""

    postgres: Postgres
    seaweed: Seaweed


@contextlib.contextmanager
def running_servers(state_dir: Path) -> Iterator[Servers]:
    """Run Postgres and SeaweedFS on the data in `state_dir`.

    Raises:
        ConfigError: The extra is missing, the data is of another major version, or the
            servers' user cannot reach it.
        Busy: Another daemon runs on this directory.
        BackendUnreachable: A server does not come up.
    """
    # SeaweedFS takes seconds to come up, nearly all of it waiting; Postgres is made
    # and started meanwhile.
    with contextlib.ExitStack() as stack:
        launched = stack.enter_context(launched_seaweed(state_dir))
        with running_postgres(state_dir) as postgres:
            yield Servers(postgres, up(stack, state_dir, launched))
