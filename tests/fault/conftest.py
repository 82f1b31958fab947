"""A site for a module; each test decides for itself how its daemon ends."""

import shutil
from collections.abc import Iterator

import pytest

from daemons import Daemon, Site, daemon_on


@pytest.fixture(scope="module")
def site(prepare_site) -> Iterator[Site]:
    with prepare_site() as site:
        yield site


@pytest.fixture(scope="module")
def only_daemon(site: Site) -> Iterator[Daemon]:
    """The daemon of all tests of a module, which each of them starts and ends."""
    with daemon_on(site) as daemon:
        yield daemon


@pytest.fixture
def daemon(only_daemon: Daemon, site: Site) -> Iterator[Daemon]:
    """A daemon that does not run, on a directory without sessions."""
    yield only_daemon
    if only_daemon.process is not None:
        only_daemon.kill()
    for one in site.watch.iterdir():
        shutil.rmtree(one)
