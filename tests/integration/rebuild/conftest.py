"""Catalogs that are lost, copied and made anew, and the one bucket that stays."""

from contextlib import ExitStack

import pytest

from expokeep.store.memory import MemoryStore
from journeys import keeper
from rebuilding import Loss


@pytest.fixture
def loss(postgres_server, catalog_template, catalog, catalog_url, tmp_path):
    """A host on a catalog that will be lost."""
    bucket = MemoryStore()
    (tmp_path / "host").mkdir()
    with ExitStack() as stack:
        host = stack.enter_context(keeper(catalog, bucket, tmp_path / "host"))
        yield Loss(
            server_dsn=postgres_server.dsn,
            template=catalog_template,
            stack=stack,
            bucket=bucket,
            host=host,
            catalog=catalog,
            dsn=catalog_url,
            place=tmp_path,
        )
