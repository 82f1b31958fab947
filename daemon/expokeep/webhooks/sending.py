"""Sends one request; the only door of urllib3 here. Follows nothing, reads nothing.

Only the status counts: what a receiver says beside it is not ours to keep, and cannot
be so long that we wait for it.
"""

from urllib.parse import urlsplit

import urllib3
from urllib3.util import Timeout

from expokeep.webhooks.places import Unreached, allowed_address

CONNECT_S = 5.0
ANSWER_S = 10.0


def send(
    url: str, body: bytes, headers: dict[str, str], *, allow_private: bool
) -> None:
    """Post a body; return when it was taken, with any status from 200 to 299.

    Raises:
        Unreached: it was not taken; a redirect is no taking.
        Forbidden: it must not go there.
    """
    address = allowed_address(url, allow_private=allow_private)
    _require_taken("POST", url, address, headers, body)


def fetch(url: str) -> None:
    """Fetch a URL that an operator gave; return when the answer was 200 to 299.

    It may be anywhere, also in this host's own network.

    Raises:
        Unreached: it was not; a redirect is no answer. The URL is not in the words.
    """
    address = urlsplit(url).hostname or ""
    _require_taken("GET", url, address, {"User-Agent": "expokeep"})


def _require_taken(
    method: str,
    url: str,
    address: str,
    headers: dict[str, str],
    body: bytes | None = None,
) -> None:
    parts = urlsplit(url)
    target = parts.path or "/"
    if parts.query:
        target += f"?{parts.query}"
    try:
        with _pool(parts.scheme, address, parts.port, parts.hostname or "") as pool:
            answer = pool.urlopen(
                method,
                target,
                body=body,
                headers={**headers, "Host": parts.netloc},
                redirect=False,
                retries=False,
                assert_same_host=False,
                preload_content=False,
            )
            answer.close()
    except (urllib3.exceptions.HTTPError, OSError, UnicodeError) as error:
        raise Unreached(_told(error)) from error
    if not 200 <= answer.status <= 299:
        raise Unreached(f"it answered {answer.status}")


def _pool(
    scheme: str, address: str, port: int | None, host: str
) -> urllib3.HTTPConnectionPool:
    """Return a connection to an address, which has to prove that it is the host."""
    timeout = Timeout(connect=CONNECT_S, read=ANSWER_S)
    if scheme == "https":
        return urllib3.HTTPSConnectionPool(
            address,
            port,
            timeout=timeout,
            cert_reqs="CERT_REQUIRED",
            server_hostname=host,
            assert_hostname=host,
        )
    return urllib3.HTTPConnectionPool(address, port, timeout=timeout)


def _told(error: Exception) -> str:
    """Return what went wrong, without the URL, which may be a secret."""
    if isinstance(error, urllib3.exceptions.TimeoutError):
        return "it did not answer in time"
    if isinstance(error, urllib3.exceptions.SSLError):
        return "its certificate is not good"
    if isinstance(error, urllib3.exceptions.NewConnectionError):
        return "nobody answers there"
    return f"the connection failed: {type(error).__name__}"
