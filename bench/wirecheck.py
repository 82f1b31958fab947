"""Shows in each run that the wire does as it says: adds time, and takes no speed."""

import http.client
import statistics
import subprocess
import time
from dataclasses import dataclass
from urllib.parse import urlsplit

from bench.proxy import Proxy
from bench.server import Server

_ROUND_TRIPS = 30
_OBJECT_BYTES = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class WireCheck:
    """What was measured: for requests, and for one large object."""

    asked_rtt_s: float
    added_rtt_s: float
    direct_bytes_per_s: float
    wire_bytes_per_s: float

    def __str__(self) -> str:
        return (
            f"Asked for {self.asked_rtt_s * 1e3:.0f} ms, the wire added"
            f" {self.added_rtt_s * 1e3:.1f} ms to a request; one GET of 64 MiB ran at"
            f" {self.wire_bytes_per_s / 1e6:.0f} MB/s through it,"
            f" {self.direct_bytes_per_s / 1e6:.0f} MB/s without it."
        )


def check(proxy: Proxy, server: Server, rtt_s: float) -> WireCheck:
    """Measure the wire against the server that the peers will use."""
    proxy.added_rtt_s = rtt_s
    direct, through = server.seaweed.endpoint_url, proxy.endpoint
    with server.bucket() as bucket:
        where = {"Bucket": bucket.name, "Key": "large"}
        server.s3.put_object(**where, Body=bytes(_OBJECT_BYTES))
        # The signature is for the host it was made for, so each way needs its own.
        path = _path(server.s3.generate_presigned_url("get_object", Params=where))
        speeds = [_bytes_per_s(direct, path, direct) for _ in range(3)]
        wire_speeds = [_bytes_per_s(through, path, direct) for _ in range(3)]
    return WireCheck(
        asked_rtt_s=rtt_s,
        added_rtt_s=_round_trip_s(through) - _round_trip_s(direct),
        direct_bytes_per_s=max(speeds),
        wire_bytes_per_s=max(wire_speeds),
    )


def _path(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.path}?{parts.query}"


def _round_trip_s(endpoint: str) -> float:
    """The median time of a small request on a connection that is open."""
    connection = http.client.HTTPConnection(urlsplit(endpoint).netloc)
    times = []
    for _ in range(_ROUND_TRIPS + 1):
        begin = time.perf_counter()
        connection.request("GET", "/healthz")
        connection.getresponse().read()
        times.append(time.perf_counter() - begin)
    connection.close()
    return statistics.median(times[1:])


def _bytes_per_s(endpoint: str, path: str, signed_for: str) -> float:
    """The speed at which curl, a process of its own, gets one object."""
    done = subprocess.run(
        [
            *("curl", "--silent", "--show-error", "--fail", "--output", "/dev/null"),
            *("--write-out", "%{speed_download}"),
            *("--header", f"Host: {urlsplit(signed_for).netloc}"),
            f"{endpoint}{path}",
        ],
        check=True,
        capture_output=True,
        text=True,
    )
    return float(done.stdout)
