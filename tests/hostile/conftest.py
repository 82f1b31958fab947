"""A daemon where anybody may make sessions, and a bucket that anybody may write."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from callers import SETTINGS
from daemons import QUICK, Daemon, Site, as_nobody, daemon_on
from hostile.restoring import Bucket
from neighbours import Secrets, Street


@pytest.fixture(scope="module")
def street(prepare_site) -> Iterator[Street]:
    """A daemon that is up, of a user with one capability.

    When the tests of a module are over, it keeps the work of others as before, and has
    kept nothing that was hidden.
    """
    with (
        prepare_site() as site,
        daemon_on(site, settings=QUICK, before=as_nobody()) as daemon,
    ):
        site.watch.chmod(0o1777)
        daemon.start()
        street = Street(site, daemon)
        yield street
        street.assert_serves()
        street.assert_nothing_foreign()
        assert daemon.stop() == 0, daemon.story


@pytest.fixture
def hidden(as_root, street: Street) -> Iterator[Secrets]:
    """A place for secrets of root's."""
    with street.secrets() as hidden:
        yield hidden


@pytest.fixture
def bucket(tmp_path: Path) -> Iterator[Bucket]:
    """Objects that a test forges, and a place to restore them to."""
    with Bucket.opened(tmp_path) as bucket:
        yield bucket


@pytest.fixture(scope="module")
def site(prepare_site) -> Iterator[Site]:
    with prepare_site() as site:
        yield site


@pytest.fixture(scope="module")
def daemon(site: Site) -> Iterator[Daemon]:
    """A daemon of root's that is up, and whose socket has a group."""
    with daemon_on(site, settings=SETTINGS) as daemon:
        daemon.start()
        yield daemon
        assert daemon.stop() == 0, daemon.story


@pytest.fixture
def socket_path(daemon: Daemon) -> Path:
    return daemon.state / "control.sock"
