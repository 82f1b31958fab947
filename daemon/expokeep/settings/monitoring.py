"""Kinds of setting: who may look at a daemon, and who is told that it is well."""

import re

from expokeep.settings.kinds import Kind
from expokeep.settings.urls import MASK, http_url

OFF = ""
"""No address: nobody can look."""

_ADDRESS = re.compile(
    r"(?P<host>\[[0-9A-Fa-f:.]{2,45}\]|[A-Za-z0-9][A-Za-z0-9.-]{0,252}):"
    r"(?P<port>[0-9]{1,5})"
)


def host_and_port(address: str) -> tuple[str, int]:
    """Return the two parts of an address that was checked.

    >>> host_and_port("127.0.0.1:9811"), host_and_port("[::1]:80")
    (('127.0.0.1', 9811), ('::1', 80))
    """
    host, _, port = address.rpartition(":")
    return host.strip("[]"), int(port)


def _address(given: str) -> str:
    if given in (OFF, "off"):
        return OFF
    found = _ADDRESS.fullmatch(given)
    if found is None or int(found["port"]) > 65535:
        raise ValueError(given)
    return given


def _ping_url(given: str) -> str:
    """Return a URL, which may have a query; `http_url` says what else."""
    base, question, query = given.partition("?")
    if not re.fullmatch(r"[!-~]*", query) or "#" in query:
        raise ValueError("not the URL of a check")
    # As it was given: a slash at the end may mean something to whoever listens.
    http_url(base)
    return base + question + query


ADDRESS = Kind(
    "an address such as 127.0.0.1:9811 or [::1]:9811, or off (empty) for none",
    _address,
)
PING_URL = Kind(
    "a URL such as https://host/path, without a user",
    _ping_url,
    lambda _: MASK,
    is_private=True,
)
