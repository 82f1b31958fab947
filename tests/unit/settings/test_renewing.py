"""Settings that follow while a daemon runs, and those that cannot."""

from expokeep.settings.declare import keys
from expokeep.settings.load import load
from expokeep.settings.renewing import LIVE, differing, renew
from expokeep.settings.values import Settings


def settings(tmp_path, **flags):
    given = {
        name.replace("__", ".").replace("_", "-"): one for name, one in flags.items()
    }
    return load(path=None, environ={}, flags={"state-dir": tmp_path, **given}).settings


def test_what_follows_is_a_setting():
    assert set(keys(Settings)) >= LIVE


def test_only_what_differs_is_named(tmp_path):
    old = settings(tmp_path)
    new = settings(tmp_path, workers="3", debounce__quiet="1s")

    assert sorted(differing(old, new)) == ["debounce.quiet", "workers"]
    assert differing(old, old) == []


def test_whoever_holds_the_settings_has_the_new_value(tmp_path):
    held = settings(tmp_path)
    new = settings(tmp_path, workers="3", debounce__quiet="1s", max_sessions="7")

    renew(held, new, ["debounce.quiet", "max-sessions"])

    assert (held.debounce.quiet_s, held.max_sessions) == (1.0, 7)
    assert held.debounce.max_wait_s == new.debounce.max_wait_s
    assert differing(held, new) == ["workers"]
