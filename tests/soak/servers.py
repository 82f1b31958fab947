"""The servers of a soak, which go away and come back while it runs."""

import contextlib
import os
import shutil
import signal
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path

from daemons import Site
from expokeep.catalog.connection import Database
from expokeep.catalog.postgres import PostgresCatalog
from expokeep.embedded.postgres import Postgres, running_postgres
from expokeep.embedded.seaweed import running_seaweed
from expokeep.store.s3 import S3Settings, create_bucket
from relays import relay_to


class Servers:
    """A Postgres that is killed and started again, and a bucket behind a relay."""

    def __init__(self, site: Site, home: Path, stack: contextlib.ExitStack) -> None:
        self.site = site
        self._home, self._stack = home, stack
        self.postgres: Postgres | None = None

    def start_postgres(self) -> str:
        """Start it; return how to reach it, which stays the same."""
        self.postgres = self._stack.enter_context(running_postgres(self._home))
        return self.postgres.dsn

    def stop_postgres(self, *, kill: bool) -> None:
        """End it, in an orderly way or as by kill -9; what it committed stays."""
        assert self.postgres is not None
        if kill:
            os.kill(self.postgres.pid, signal.SIGKILL)
        with contextlib.suppress(Exception):
            self._stack.close()


@contextlib.contextmanager
def prepared() -> Iterator[Servers]:
    """Prepare a site whose servers are its own."""
    top = Path(tempfile.mkdtemp(prefix="keep-soak-", dir="/tmp"))
    top.chmod(0o755)
    with contextlib.ExitStack() as stack:
        stack.callback(shutil.rmtree, top, ignore_errors=True)
        seaweed = stack.enter_context(running_seaweed(top))
        keys = (seaweed.access_key_id, seaweed.secret_access_key)
        bucket = f"soak-{uuid.uuid4().hex}"
        create_bucket(S3Settings(seaweed.endpoint_url, bucket, *keys))
        relay = stack.enter_context(relay_to(seaweed.endpoint_url))
        servers = Servers(
            Site(top, "", bucket, seaweed, relay),
            top,
            stack.enter_context(contextlib.ExitStack()),
        )
        dsn = servers.start_postgres()
        servers.site = Site(top, dsn, bucket, seaweed, relay)
        with contextlib.closing(PostgresCatalog(Database(dsn))) as catalog:
            catalog.migrate()
        servers.site.watch.mkdir()
        servers.site.watch.chmod(0o777)
        yield servers
