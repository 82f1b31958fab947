"""A restore that is cut: nothing shows, and the next one fetches only the rest."""

import os

import pytest

from daemons import appear, daemon_on, differences

MIB = 1 << 20
ONE_AT_A_TIME = """\
debounce: {quiet: 200ms, max-wait: 1s}
restore: {parallelism: 1}
"""
FILES = 80


@pytest.fixture(scope="module")
def big(site):
    """A daemon that fetches one range after the other, and a session of 80 MiB."""
    sid, place = site.session("big")
    with daemon_on(site, settings=ONE_AT_A_TIME) as daemon:
        daemon.start()
        appear(place, {f"assets/{n}.png": os.urandom(MIB) for n in range(FILES)})
        daemon.ask("save", sid)
        yield daemon, sid, place
        assert daemon.stop() == 0, daemon.story


@pytest.mark.parametrize("killed", ["client", "daemon"])
def test_a_restore_cut_in_the_middle_fetches_only_the_rest(site, big, killed):
    daemon, sid, place = big
    target = site.top / f"cut-{killed}" / "target"
    target.parent.mkdir()
    site.relay.hold_after(FILES * MIB // 2)

    process = daemon.begin("restore", sid, "--to", target)
    assert site.relay.holding.wait(60)
    (staged,) = target.parent.iterdir()
    assert staged.name.startswith(".expokeep-staging-")
    assert staged.stat().st_mode & 0o777 == 0o700
    if killed == "client":
        process.kill()
        process.communicate()
        site.relay.release()
    else:
        daemon.kill()
        site.relay.release()
        assert process.communicate(timeout=30)
        assert process.returncode == 16
        assert list(target.parent.iterdir()) == []
        daemon.start()
    assert not target.exists()

    with site.relay.recorded() as seen:
        daemon.ask("restore", sid, "--to", target)

    assert sum(one.received_bytes for one in seen) <= 0.55 * FILES * MIB
    assert differences(place, target) == ""
    assert list(target.parent.iterdir()) == [target]  # nor what the first one left
