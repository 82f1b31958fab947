"""One machine for the tests of a module, on which everything is installed."""

from collections.abc import Iterator

import pytest

from packaged import Packaged, packaged


@pytest.fixture(scope="module")
def only_host(prepare_site) -> Iterator[Packaged]:
    with prepare_site() as site, packaged(site) as host:
        yield host


@pytest.fixture
def host(only_host: Packaged) -> Iterator[Packaged]:
    """A machine on which nothing of ours runs, and no session is there."""
    yield only_host
    only_host.reset()
