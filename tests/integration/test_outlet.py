"""The bucket as others see it: what they may fetch, until when, and what it says."""

import datetime
import http.server
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import botocore.auth
import pytest

from expokeep.model.digest import Digest, digest_of
from expokeep.store.base import ObjectExists
from expokeep.store.outlet import MAX_LIFETIME_S, Look
from expokeep.store.s3 import S3Settings
from expokeep.store.s3.outlet import S3Outlet

LOOK = Look("application/gzip", "public, max-age=31536000, immutable", "shop.tar.gz")


@pytest.fixture
def outlet(s3_bucket: S3Settings) -> Iterator[S3Outlet]:
    # Small parts, so that a file of a few MiB is one of many parts.
    small = replace(s3_bucket, part_size_bytes=5 << 20, single_put_max_bytes=6 << 20)
    with closing(S3Outlet(small)) as outlet:
        yield outlet


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "file"
    path.write_bytes(b"x" * 7)
    return path


@pytest.fixture
def big(tmp_path: Path) -> Path:
    """A file that goes up in parts."""
    path = tmp_path / "big"
    path.write_bytes(b"x" * (11 << 20))
    return path


def digest(path: Path) -> Digest:
    return digest_of(path.read_bytes())


def fetched(url: str) -> tuple[int, bytes, dict[str, str]]:
    try:
        with urllib.request.urlopen(url, timeout=20) as answer:
            return answer.status, answer.read(), dict(answer.headers)
    except urllib.error.HTTPError as error:
        return error.code, b"", {}


@pytest.mark.parametrize("name", ["file", "big"])
def test_a_link_gives_what_was_published_to_whoever_has_it(
    outlet: S3Outlet, request: pytest.FixtureRequest, name: str
) -> None:
    file: Path = request.getfixturevalue(name)
    outlet.publish("exports/x", file, digest(file), LOOK, replace=False)

    link = outlet.signed_link("exports/x", lifetime_s=60)

    status, body, headers = fetched(link)
    assert (status, body) == (200, file.read_bytes())
    assert headers["Cache-Control"] == LOOK.cache_control
    assert headers["Content-Type"] == LOOK.media_type
    assert headers["Content-Disposition"] == 'attachment; filename="shop.tar.gz"'


def test_without_a_signature_nobody_gets_anything(
    outlet: S3Outlet, file: Path, s3_bucket: S3Settings
) -> None:
    outlet.publish("exports/x", file, digest(file), LOOK, replace=False)
    link = outlet.signed_link("exports/x", lifetime_s=60)

    assert fetched(link.partition("?")[0])[0] == 403
    assert fetched(link.replace("exports/x", "exports/y"))[0] == 403


def test_a_link_ends_when_it_was_said(
    outlet: S3Outlet, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    outlet.publish("exports/x", file, digest(file), LOOK, replace=False)
    assert fetched(outlet.signed_link("exports/x", lifetime_s=60))[0] == 200

    # Signed an hour ago: nobody has to wait for a link to end.
    past = datetime.datetime.now(datetime.UTC) - datetime.timedelta(hours=1)
    monkeypatch.setattr(botocore.auth, "get_current_datetime", lambda *_, **__: past)
    ended = outlet.signed_link("exports/x", lifetime_s=60)
    lasting = outlet.signed_link("exports/x", lifetime_s=7200)

    assert fetched(lasting)[0] == 200
    assert fetched(ended)[0] in (400, 403)


@pytest.mark.parametrize("lifetime_s", [0, MAX_LIFETIME_S + 1])
def test_no_link_lives_longer_than_servers_allow(
    outlet: S3Outlet, lifetime_s: float
) -> None:
    with pytest.raises(ValueError, match="no link"):
        outlet.signed_link("exports/x", lifetime_s=lifetime_s)


@pytest.mark.parametrize("name", ["file", "big"])
def test_only_what_may_be_replaced_is_replaced(
    outlet: S3Outlet, request: pytest.FixtureRequest, tmp_path: Path, name: str
) -> None:
    file: Path = request.getfixturevalue(name)
    other = tmp_path / "other"
    other.write_bytes(b"other")
    noted = replace(LOOK, notes={"pack": "17"})
    outlet.publish("builds/s/b", other, digest(other), LOOK, replace=True)

    with pytest.raises(ObjectExists):
        outlet.publish("builds/s/b", file, digest(file), noted, replace=False)
    outlet.publish("builds/s/b", file, digest(file), noted, replace=True)

    notes = outlet.notes("builds/s/b")
    assert notes is not None
    assert (notes["pack"], notes["sha256"]) == ("17", digest(file).hex())
    assert outlet.get("builds/s/b", 0, 7) == b"xxxxxxx"
    assert outlet.notes("builds/none") is None


class _CachingProxy(http.server.BaseHTTPRequestHandler):
    """A CDN in small: asks once for what may be kept for ever."""

    origin: S3Outlet
    kept: dict[str, tuple[bytes, str]]
    asked: list[str]

    def do_GET(self) -> None:
        key = self.path.removeprefix("/")
        if key not in self.kept:
            self.asked.append(key)
            link = self.origin.signed_link(key, lifetime_s=60)
            status, body, headers = fetched(link)
            if status != 200:
                self.send_error(404)
                return
            cache = headers["Cache-Control"]
            if "immutable" in cache and "public" in cache:
                self.kept[key] = body, cache
            else:
                self._answer(body, cache)
                return
        self._answer(*self.kept[key])

    def _answer(self, body: bytes, cache: str) -> None:
        self.send_response(200)
        self.send_header("Cache-Control", cache)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def test_a_cache_in_front_asks_once_for_what_never_changes(
    outlet: S3Outlet, tmp_path: Path
) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"project")
    private = replace(LOOK, cache_control="private, no-store")
    outlet.publish("public/a/project.zip", file, digest(file), LOOK, replace=False)
    outlet.publish("exports/b", file, digest(file), private, replace=False)
    asked: list[str] = []
    proxy = type(
        "Proxy", (_CachingProxy,), {"origin": outlet, "kept": {}, "asked": asked}
    )

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), proxy) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        url = f"http://127.0.0.1:{server.server_port}"
        for _ in range(3):
            assert fetched(f"{url}/public/a/project.zip")[1] == b"project"
            assert fetched(f"{url}/exports/b")[1] == b"project"
        server.shutdown()
        thread.join()

    assert asked.count("public/a/project.zip") == 1
    assert asked.count("exports/b") == 3
