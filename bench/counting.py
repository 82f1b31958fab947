"""Counts the HTTP requests that pass by, without being in their way.

Knows just enough of HTTP/1.1 to tell a request line from a body: a head ends in an
empty line, and `Content-Length` says how many bytes of body follow it. Knows nothing of
S3, and keeps nothing but numbers.
"""

import re
from collections import Counter
from dataclasses import dataclass, field

_HEAD_END = b"\r\n\r\n"
_LONGEST_HEAD_BYTES = 64 * 1024
_LENGTH = re.compile(rb"^content-length:\s*(\d+)", re.IGNORECASE | re.MULTILINE)
_CHUNKED = re.compile(rb"^transfer-encoding:\s*chunked", re.IGNORECASE | re.MULTILINE)


@dataclass(slots=True)
class Tally:
    """What went over the wire since the tally was made."""

    requests: Counter[str] = field(default_factory=Counter)
    sent_bytes: int = 0
    received_bytes: int = 0


class NotCountable(Exception):
    """A client speaks in a way that this counter would miscount."""


class RequestCounter:
    r"""Reads one connection's bytes towards the server, in any cut.

    >>> counter = RequestCounter()
    >>> counter.feed(b"PUT /a HTTP/1.1\r\nContent-Le")
    []
    >>> counter.feed(b"ngth: 5\r\n\r\nGET /GET /b HTTP/1.1\r\n\r\n")
    ['PUT', 'GET']
    """

    def __init__(self) -> None:
        self._head = b""
        self._body_left_bytes = 0

    def feed(self, data: bytes) -> list[str]:
        """Return the methods of the requests whose heads end in `data`.

        Raises:
            NotCountable: a body is chunked, or a head has no end.
        """
        methods = []
        while data:
            if self._body_left_bytes:
                skipped = min(self._body_left_bytes, len(data))
                self._body_left_bytes -= skipped
                data = data[skipped:]
                continue
            head, end, data = (self._head + data).partition(_HEAD_END)
            if not end:
                self._remember(head)
                break
            self._head = b""
            methods.append(self._read_head(head))
        return methods

    def _remember(self, head: bytes) -> None:
        if len(head) > _LONGEST_HEAD_BYTES:
            raise NotCountable(f"no request starts like this: {head[:60]!r}")
        self._head = head

    def _read_head(self, head: bytes) -> str:
        if _CHUNKED.search(head):
            raise NotCountable("a request's body is chunked")
        length = _LENGTH.search(head)
        self._body_left_bytes = int(length[1]) if length else 0
        return head.split(b" ", 1)[0].decode("ascii", "replace")
