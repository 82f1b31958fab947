"""One daemon for the tests of a module, who do not get in each other's way."""

from collections.abc import Iterator

import pytest

from daemons import QUICK, Daemon, Site, daemon_on


@pytest.fixture(scope="module")
def site(prepare_site) -> Iterator[Site]:
    with prepare_site() as site:
        yield site


@pytest.fixture(scope="module")
def daemon(request, site: Site) -> Iterator[Daemon]:
    """A daemon that is up; a module may say otherwise by its `SETTINGS`."""
    settings = getattr(request.module, "SETTINGS", QUICK)
    with daemon_on(site, settings=settings) as daemon:
        daemon.start()
        yield daemon
        assert daemon.stop() == 0, daemon.story
