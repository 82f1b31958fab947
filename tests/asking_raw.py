"""Sends requests to a control socket and notes the answers, byte for byte.

A program of its own, so that somebody else can run it: it reads one JSON document from
its input, a list of requests, and writes the list of answers.
"""

import http.client
import json
import socket
import sys
from typing import Any


class _Unix(http.client.HTTPConnection):
    def __init__(self, path: str) -> None:
        super().__init__("x", timeout=60)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(60)
        self.sock.connect(self._path)


def answer(path: str, asked: dict[str, Any]) -> dict[str, Any]:
    """Return what one request is answered with."""
    connection = _Unix(path)
    try:
        body = asked.get("body")
        connection.request(
            asked["method"],
            asked["target"],
            None if body is None else json.dumps(body),
            asked.get("headers", {}),
        )
        response = connection.getresponse()
        try:
            data = response.read()
        except (http.client.IncompleteRead, ConnectionError):
            data = b"(cut)"
        return {"status": response.status, "body": data.decode("latin-1")}
    finally:
        connection.close()


if __name__ == "__main__":
    json.dump([answer(sys.argv[1], one) for one in json.load(sys.stdin)], sys.stdout)
