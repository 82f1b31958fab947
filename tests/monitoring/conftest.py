"""One daemon for the tests of a module, and the window at which it is looked at."""

from collections.abc import Iterator

import pytest

from daemons import Daemon, Site
from looking import Window, daemon_to_look_at


@pytest.fixture(scope="module")
def site(prepare_site) -> Iterator[Site]:
    with prepare_site() as site:
        yield site


@pytest.fixture(scope="module")
def seen(request, site: Site) -> Iterator[tuple[Daemon, Window]]:
    """A daemon that is up, by the `SETTINGS` of the module."""
    settings = request.module.SETTINGS
    with daemon_to_look_at(site, settings=settings) as (daemon, window):
        daemon.start()
        yield daemon, window
        assert daemon.stop() == 0, daemon.story
