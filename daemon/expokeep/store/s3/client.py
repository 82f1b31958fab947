"""Makes the one client of a process, told every fact about R2 that bites.

Knows how requests are signed, checked, counted and sent; not what is asked.
"""

import functools
import os
import socket
from threading import Lock
from typing import Any

import boto3.session
import botocore.session
from botocore.config import Config
from botocore.handlers import add_expect_header
from botocore.utils import get_environ_proxies

from expokeep.errors import ConfigError
from expokeep.store.s3.deadline import DeadlineSession
from expokeep.store.settings import S3Settings
from expokeep.store.usage import Meter, outcome_of


class Client:
    """An S3 client and the connections that it sends on."""

    def __init__(self, settings: S3Settings, meter: Meter) -> None:
        """Build the client; sends nothing yet.

        Raises:
            ConfigError: The endpoint is not a URL.
        """
        self._meter = meter
        try:
            with _making:
                self.s3: Any = _session().client(
                    "s3",
                    region_name=settings.region,
                    endpoint_url=settings.endpoint_url,
                    aws_access_key_id=settings.access_key_id,
                    aws_secret_access_key=settings.secret_access_key,
                    config=_config(settings),
                )
        except ValueError as error:
            raise ConfigError(f"not an endpoint: {settings.endpoint_url}") from error
        self._wire = DeadlineSession(
            verify=str(settings.ca_file) if settings.ca_file else True,
            proxies=get_environ_proxies(settings.endpoint_url),
            timeout=(settings.connect_timeout_s, settings.read_timeout_s),
            max_pool_connections=settings.concurrency,
            # Headers and body leave in two pieces: held back, the second one would
            # wait 40 ms for the server's delayed acknowledgement of the first.
            socket_options=[(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)],
        )
        events = self.s3.meta.events
        # A server that never answers "100 Continue" would cost a second per PUT, and
        # R2's documents say that it does not answer.
        events.unregister("before-call.s3", add_expect_header)
        events.register("before-send.s3", self._send)

    def close(self) -> None:
        """Close all connections that are idle."""
        self._wire.close()
        self.s3.close()

    def _send(self, request: Any, event_name: str, **_: Any) -> Any:
        operation = event_name.rpartition(".")[2]
        self._meter.asked(operation)
        try:
            answer = self._wire.send(request)
        except BaseException:
            self._meter.answered(operation, "unanswered")
            raise
        self._meter.answered(operation, outcome_of(answer.status_code))
        return answer


_making = Lock()
"""boto3's clients may be shared between threads, but not be made by two at once."""


@functools.cache
def _session() -> boto3.session.Session:
    # One for the process: it has read the description of S3, which takes 100 ms.
    # Only our own settings count: a profile or a file of AWS on this machine is about
    # something else, and one that is broken must not stop us.
    ours = botocore.session.Session(
        session_vars={
            "profile": (None, None, None, None),
            "config_file": (None, None, os.devnull, None),
            "credentials_file": (None, None, os.devnull, None),
        }
    )
    return boto3.session.Session(botocore_session=ours)


def _config(settings: S3Settings) -> Config:
    return Config(
        # Newer defaults send checksums as trailers, which R2 may refuse. We state the
        # SHA-256 of each body in an ordinary header instead.
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
        signature_version="s3v4",
        retries={"mode": "standard", "total_max_attempts": settings.attempts},
        max_pool_connections=settings.concurrency,
        # Said once; otherwise it is put together anew, twice for each request.
        user_agent="expokeep",
        s3={
            "addressing_style": "path" if settings.force_path_style else "auto",
            # The signature covers that header, and the server checks the body by it:
            # to hash the body once more for the signature would prove nothing new.
            "payload_signing_enabled": False,
        },
    )
