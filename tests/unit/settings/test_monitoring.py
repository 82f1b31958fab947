"""Addresses to look at a daemon, and where it says that all is well."""

import pytest

from expokeep.errors import ConfigError
from expokeep.settings.load import load
from expokeep.settings.monitoring import ADDRESS, PING_URL
from expokeep.settings.show import show


@pytest.mark.parametrize(
    "given", ["127.0.0.1:9811", "[::1]:9811", "0.0.0.0:0", "metrics.example:65535"]
)
def test_an_address_is_a_host_and_a_port(given):
    assert ADDRESS.parse(given) == given


@pytest.mark.parametrize("given", ["", "off"])
def test_no_address_is_said_in_two_ways(given):
    assert ADDRESS.parse(given) == ""


@pytest.mark.parametrize(
    "given", ["9811", ":9811", "::1:9811", "host:65536", "host:", "a b:1", "h:1/x", "*"]
)
def test_what_is_no_address_is_refused(given):
    with pytest.raises(ValueError):  # noqa: PT011 - the message is the loader's
        ADDRESS.parse(given)


@pytest.mark.parametrize(
    "given",
    ["https://hc.example/ping/0a1b", "http://10.0.0.1:8000/p?id=1", "https://h/p/"],
)
def test_a_heartbeat_goes_where_it_was_told_to_the_letter(given):
    assert PING_URL.parse(given) == given


@pytest.mark.parametrize(
    "given",
    ["ftp://h/x", "file:///etc/passwd", "https://me:pw@h/x", "h/x", "https://h/#"],
)
def test_what_is_no_url_of_a_check_is_refused(given):
    with pytest.raises(ValueError):  # noqa: PT011 - the message is the loader's
        PING_URL.parse(given)


def test_the_url_of_a_check_is_a_secret(tmp_path):
    config, file = tmp_path / "c.yaml", tmp_path / "url"
    file.write_text("https://hc.example/canary-path\n")
    config.write_text(f"heartbeat-url-file: {file}\n")

    loaded = load(path=config, environ={"HOME": "/home/me"}, flags={})

    assert loaded.settings.heartbeat_url == "https://hc.example/canary-path"
    assert "canary" not in repr(loaded.settings)
    assert "canary" not in show(loaded, sources=True)


def test_a_wrong_url_of_a_check_is_not_quoted(tmp_path):
    config = tmp_path / "c.yaml"
    config.write_text("heartbeat-url: gopher://hc.example/canary-path\n")

    with pytest.raises(ConfigError) as raised:
        load(path=config, environ={"HOME": "/home/me"}, flags={})

    assert "canary" not in str(raised.value)
