"""Catalogs that are lost, copied and made anew, and the one bucket that stays."""

from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from expokeep.store.memory import MemoryStore
from rebuilding import Loss


@pytest.fixture
def loss(postgres_server, catalog_template, tmp_path) -> Iterator[Loss]:
    """A host on a catalog that will be lost."""
    with ExitStack() as stack:
        yield Loss(
            server_dsn=postgres_server.dsn,
            template=catalog_template,
            stack=stack,
            bucket=MemoryStore(),
            place=tmp_path,
        )
