"""What a daemon tells of itself, compared with what truly happened."""

import pytest

from daemons import QUICK, until, write
from looking import daemon_to_look_at


@pytest.fixture(scope="module")
def site(prepare_site):
    with prepare_site() as site:
        yield site


@pytest.fixture(scope="module")
def seen(site):
    with daemon_to_look_at(site, settings=QUICK) as (daemon, window):
        daemon.start()
        yield daemon, window
        assert daemon.stop() == 0, daemon.story


def test_first(site, seen):
    daemon, window = seen
    sid, top = site.session()
    write(top, {"a": "1" * 1000})
    daemon.ask("save", sid)
    daemon.ask("reload")
    until(lambda: window.scrape()("kept_versions") > 0, "figures")
    print(window.scrape().text)
    print(window.ask("/healthz"))
    print(window.ask("/readyz"))
    print(window.ask("/readyz", Accept="application/json"))
