"""The key of shares: given, or this host's own."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from expokeep.errors import ConfigError
from expokeep.settings.load import load
from expokeep.wiring.pepper import pepper_of


@pytest.fixture
def state(tmp_path):
    return tmp_path / "state"


def settings(state, **environ):
    words = {"EXPOKEEP_STATE_DIR": str(state), **environ}
    return load(path=None, environ=words, flags={}).settings


def test_a_host_makes_a_key_of_its_own_that_nobody_else_reads(state):
    first, again = pepper_of(settings(state)), pepper_of(settings(state))

    assert first == again
    assert (state / "pepper").stat().st_mode & 0o777 == 0o600
    assert [path.name for path in state.iterdir()] == ["pepper"]


def test_many_who_come_first_agree_on_one(state):
    with ThreadPoolExecutor(8) as pool:
        found = set(pool.map(lambda _: pepper_of(settings(state)).key, range(8)))

    assert len(found) == 1


def test_the_key_of_all_hosts_beats_the_own_one(state, tmp_path):
    credentials = tmp_path / "credentials"
    credentials.mkdir()
    (credentials / "pepper").write_text(
        "the same on all of our hosts".replace(" ", "-")
    )

    given = pepper_of(settings(state, CREDENTIALS_DIRECTORY=str(credentials)))

    assert given.key == b"the-same-on-all-of-our-hosts"
    assert not state.exists()


@pytest.mark.parametrize("damaged", [b"", b"canary", b"\xff" * 40])
def test_a_key_that_is_damaged_is_never_made_anew(state, damaged):
    state.mkdir()
    (state / "pepper").write_bytes(damaged)

    with pytest.raises(ConfigError) as refused:
        pepper_of(settings(state))

    assert (state / "pepper").read_bytes() == damaged
    assert "canary" not in str(refused.value)


def test_a_key_that_anybody_could_guess_is_refused(state):
    with pytest.raises(ConfigError) as refused:
        settings(state, EXPOKEEP_SHARING_PEPPER="canary")

    assert "canary" not in str(refused.value)
