"""What is said to someone who has not installed the servers."""

import sysconfig

import pytest

from expokeep.embedded.account import Account
from expokeep.embedded.programs import postgres_programs, weed
from expokeep.errors import ConfigError


def test_a_missing_postgres_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda _name: None)

    with pytest.raises(ConfigError, match="Postgres") as caught:
        postgres_programs(tmp_path, Account(0, 0))

    assert caught.value.hint == "pip install 'expokeep[embedded]'"


def test_a_missing_seaweed_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setattr(sysconfig, "get_path", lambda _name: str(tmp_path))

    with pytest.raises(ConfigError, match="SeaweedFS") as caught:
        weed()

    assert caught.value.hint == "pip install 'expokeep[embedded]'"
