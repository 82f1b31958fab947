"""Where a request may go: addresses are judged, not names."""

import ipaddress
import socket

import pytest
from hypothesis import given
from hypothesis import strategies as st

from expokeep.webhooks.places import (
    Forbidden,
    Unreached,
    allowed_address,
    identity,
    objection,
    place,
)

ANY = st.one_of(st.ip_addresses(v=4), st.ip_addresses(v=6))
INNER = [
    "10.1.2.3",
    "172.16.0.1",
    "192.168.1.1",
    "100.64.0.1",
    "169.254.169.254",
    "fd00::1",
    "fe80::1",
    "::ffff:10.0.0.1",
    "::ffff:169.254.169.254",
]
NOBODYS = ["0.0.0.0", "::", "224.0.0.1", "ff02::1", "255.255.255.255", "240.0.0.1"]


@given(address=ANY)
def test_no_address_that_is_not_everybodys_is_reached_by_itself(address):
    found = objection("https", address, allow_private=False)

    inner = getattr(address, "ipv4_mapped", None) or address
    assert found is not None or inner.is_loopback or inner.is_global


@given(address=ANY)
def test_plain_http_never_leaves_the_host(address):
    found = objection("http", address, allow_private=True)

    inner = getattr(address, "ipv4_mapped", None) or address
    assert found is not None or inner.is_loopback


@pytest.mark.parametrize("text", INNER)
def test_a_private_address_is_reached_only_if_that_is_meant(text):
    address = ipaddress.ip_address(text)

    assert objection("https", address, allow_private=False) is not None
    assert objection("https", address, allow_private=True) is None


@pytest.mark.parametrize("text", NOBODYS)
def test_what_is_nobodys_address_is_never_reached(text):
    address = ipaddress.ip_address(text)

    assert objection("https", address, allow_private=True) is not None


@pytest.mark.parametrize("text", INNER)
def test_no_name_leads_where_no_address_may(monkeypatch, text):
    def lying(*_, **__):
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (text, 443))]

    monkeypatch.setattr(socket, "getaddrinfo", lying)

    with pytest.raises(Forbidden):
        allowed_address("https://hooks.example/x", allow_private=False)


def test_the_address_that_was_judged_is_the_one_that_is_given(monkeypatch):
    def mixed(*_, **__):
        return [
            (socket.AF_INET, socket.SOCK_STREAM, 6, "", (text, 443))
            for text in ("10.0.0.1", "93.184.215.14")
        ]

    monkeypatch.setattr(socket, "getaddrinfo", mixed)

    found = allowed_address("https://hooks.example/x", allow_private=False)

    assert found == "93.184.215.14"


def test_a_name_that_nobody_knows_may_be_known_another_time(monkeypatch):
    def unknown(*_, **__):
        raise socket.gaierror("no such name")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)

    with pytest.raises(Unreached):
        allowed_address("https://hooks.example/x", allow_private=False)


def test_what_a_webhook_is_called_tells_nothing_of_its_path():
    url = "https://hooks.example:8443/secret-path?key=canary"

    assert place(url) == "https://hooks.example:8443"
    assert "canary" not in identity(url)
    assert len(identity(url)) == 16
