"""`python -m expokeep.embedded`: a throw-away Postgres, for a developer's own hands."""

import signal
import sys
import tempfile
from pathlib import Path

from expokeep.embedded.postgres import running_postgres


def main() -> None:
    """Run a Postgres on nothing, print its DSN, and remove it on Ctrl-C."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    # Root's Postgres runs as another user, who must be able to pass through.
    with tempfile.TemporaryDirectory(prefix="keep-db-", dir="/tmp") as name:
        Path(name).chmod(0o755)
        with running_postgres(Path(name), durable=False) as postgres:
            sys.stdout.write(f"{postgres.dsn}\n")
            sys.stdout.flush()
            signal.sigwait({signal.SIGINT, signal.SIGTERM})


if __name__ == "__main__":
    main()
