"""Asks a bucket as a stranger would: without a key, by another way than boto3's.

Knows nothing of rights: it says what anybody gets.
"""

import datetime
import email.utils
from dataclasses import dataclass

import urllib3
from botocore.utils import get_environ_proxies
from urllib3.util import Timeout

from expokeep.errors import BackendUnreachable
from expokeep.store.settings import S3Settings

_CONNECT_S, _ANSWER_S = 5.0, 10.0
_MOST_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class Answer:
    """What a stranger got."""

    status: int
    body: bytes
    """Its beginning."""
    at: datetime.datetime | None
    """When, by the server's clock; to the second. None: it did not say."""


def ask(url: str) -> Answer:
    """Get a URL without any key, following nothing.

    Raises:
        BackendUnreachable: there is no answer.
    """
    try:
        with _pool(url) as pool:
            answer = pool.request(
                "GET", url, redirect=False, retries=False, preload_content=False
            )
            body = answer.read(_MOST_BYTES)
            answer.close()
    except (urllib3.exceptions.HTTPError, OSError, ValueError) as error:
        raise BackendUnreachable(f"{url} does not answer: {error}") from error
    return Answer(answer.status, body, _time(answer.headers.get("Date", "")))


def place_of(bucket: S3Settings) -> str:
    """Return the URL of a bucket, as settings have it addressed.

    >>> place_of(S3Settings("https://s3.host", "b", "k", "s"))
    'https://s3.host/b'
    >>> place_of(S3Settings("https://s3.host", "b", "k", "s", force_path_style=False))
    'https://b.s3.host'
    """
    endpoint = bucket.endpoint_url.rstrip("/")
    if bucket.force_path_style:
        return f"{endpoint}/{bucket.bucket}"
    scheme, _, host = endpoint.partition("://")
    return f"{scheme}://{bucket.bucket}.{host}"


def _pool(url: str) -> urllib3.PoolManager:
    timeout = Timeout(connect=_CONNECT_S, read=_ANSWER_S)
    proxies = get_environ_proxies(url)
    proxy = proxies.get(url.partition(":")[0])
    if proxy:
        return urllib3.ProxyManager(proxy, timeout=timeout)
    return urllib3.PoolManager(timeout=timeout)


def _time(text: str) -> datetime.datetime | None:
    try:
        return email.utils.parsedate_to_datetime(text)
    except (TypeError, ValueError):
        return None
