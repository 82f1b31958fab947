"""Where a request may go: not to what only this host can reach, unless that is meant.

A name may stand for any address, and for another one a moment later. So addresses are
judged, not names, and the one that was judged is the one that is used.
"""

import hashlib
import ipaddress
import socket
from collections.abc import Sequence
from urllib.parse import urlsplit

from expokeep.errors import ExpokeepError

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class Forbidden(ExpokeepError):
    """A webhook leads to where it must not."""

    hint = "webhooks[].allow-private lets it go to addresses of this network."


class Unreached(ExpokeepError):
    """Nobody took what was sent. It may be taken another time."""

    transient = True


def identity(url: str) -> str:
    """Return what a webhook is called where its URL must not be told."""
    return hashlib.sha256(url.encode()).hexdigest()[:16]


def place(url: str) -> str:
    """Return what of a URL is no secret.

    >>> place("https://hooks.example:8443/services/T0/B0/secret?key=1")
    'https://hooks.example:8443'
    """
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def objection(scheme: str, address: Address, *, allow_private: bool) -> str | None:
    """Return why a request must not go to an address; None if it may.

    >>> objection("https", ipaddress.ip_address("169.254.169.254"), allow_private=False)
    'it is an address of a private network'
    """
    inner = getattr(address, "ipv4_mapped", None) or address
    if inner.is_loopback:
        return None
    if inner.is_multicast or inner.is_unspecified or inner.is_reserved:
        return "it is nobody's address"
    if not inner.is_global and not allow_private:
        return "it is an address of a private network"
    if scheme != "https":
        return "only https may leave this host"
    return None


def allowed_address(url: str, *, allow_private: bool) -> str:
    """Return an address for a URL that a request may go to.

    Raises:
        Forbidden: none of them is.
        Unreached: nobody knows one.
    """
    parts = urlsplit(url)
    host = parts.hostname or ""
    port = parts.port or (443 if parts.scheme == "https" else 80)
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise Unreached(f"{host} has no address: {error}") from error
    addresses = [str(one[4][0]).partition("%")[0] for one in found]
    return _first_allowed(parts.scheme, addresses, allow_private=allow_private)


def _first_allowed(
    scheme: str, addresses: Sequence[str], *, allow_private: bool
) -> str:
    reason = "it has no address"
    for text in addresses:
        address = ipaddress.ip_address(text)
        found = objection(scheme, address, allow_private=allow_private)
        if found is None:
            return text
        reason = f"{text}: {found}"
    raise Forbidden(reason)
