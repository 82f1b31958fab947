"""What every store must do: in memory, on moto, and on a real S3 server."""

import hashlib
import os
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from moto.server import ThreadedMotoServer

from expokeep.embedded.seaweed import Seaweed
from expokeep.errors import IntegrityError
from expokeep.model.digest import Digest
from expokeep.store.base import ObjectExists, ObjectInfo, ObjectMissing, Store
from expokeep.store.memory import MemoryStore
from expokeep.store.s3 import S3Settings, S3Store, create_bucket


@pytest.fixture(scope="session")
def moto_settings() -> Iterator[S3Settings]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    # It makes buckets without being told where in this region only.
    moto = S3Settings(
        f"http://{host}:{port}", "contract", "an-id", "a-secret", region="us-east-1"
    )
    create_bucket(moto)
    yield moto
    server.stop()


@pytest.fixture(scope="session")
def seaweed_settings(s3_server: Seaweed) -> S3Settings:
    seaweed = S3Settings(
        s3_server.endpoint_url,
        f"contract-{uuid.uuid4().hex}",
        s3_server.access_key_id,
        s3_server.secret_access_key,
    )
    create_bucket(seaweed)
    return seaweed


@pytest.fixture(scope="module", params=["memory", "moto", "seaweed"])
def store(request: pytest.FixtureRequest) -> Iterator[Store]:
    made: Store
    if request.param == "memory":
        made = MemoryStore()
    else:
        made = S3Store(request.getfixturevalue(f"{request.param}_settings"))
    yield made
    made.close()


@pytest.fixture
def key() -> str:
    """A key that no other test has used."""
    return f"v1/local/{uuid.uuid4().hex}/0000000001-0.tar.zst"


def put(store: Store, key: str, path: Path, contents: bytes) -> Digest:
    path.write_bytes(contents)
    digest = Digest(hashlib.sha256(contents).digest())
    store.put_file(key, path, sha256=digest)
    return digest


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "a.pack"


@pytest.mark.parametrize("size_bytes", [0, 1, 50_000, 3_000_000])
def test_what_was_put_comes_back(store, key, path, size_bytes):
    contents = os.urandom(size_bytes)

    put(store, key, path, contents)

    assert store.get(key, 0, size_bytes) == contents


@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(contents=st.binary(min_size=1, max_size=2000), data=st.data())
def test_any_range_comes_back(store, tmp_path, contents, data):
    key = f"v1/ranges/{uuid.uuid4().hex}"
    start = data.draw(st.integers(0, len(contents)))
    length = data.draw(st.integers(0, len(contents) - start))

    put(store, key, tmp_path / "a.pack", contents)

    assert store.get(key, start, length) == contents[start : start + length]


@pytest.mark.parametrize(("start", "length"), [(0, 11), (5, 6), (10, 1), (99, 1)])
def test_a_range_beyond_the_end_is_an_error(store, key, path, start, length):
    put(store, key, path, b"0123456789")

    with pytest.raises(IntegrityError):
        store.get(key, start, length)


def test_a_missing_object_is_missing(store, key):
    with pytest.raises(ObjectMissing) as raised:
        store.get(key, 0, 1)

    assert raised.value.key == key
    assert store.head(key) is None


def test_head_tells_size_and_digest(store, key, path):
    digest = put(store, key, path, b"contents")

    assert store.head(key) == ObjectInfo(key, 8, digest)


def test_putting_the_same_again_is_a_success(store, key, path):
    put(store, key, path, b"contents")
    put(store, key, path, b"contents")

    assert store.get(key, 0, 8) == b"contents"


def test_a_key_is_never_used_for_something_else(store, key, path):
    put(store, key, path, b"the first")

    with pytest.raises(ObjectExists):
        put(store, key, path, b"the other")

    assert store.get(key, 0, 9) == b"the first"


def test_of_two_who_put_at_once_one_is_refused(store, key, tmp_path):
    def attempt(number: int) -> bool:
        try:
            put(store, key, tmp_path / str(number), b"%d" % number)
        except ObjectExists:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        won = list(pool.map(attempt, range(8)))

    assert won.count(True) == 1
    assert store.get(key, 0, 1) == b"%d" % won.index(True)


def test_progress_adds_up_to_the_file(store, key, path):
    path.write_bytes(bytes(300_000))
    told: list[int] = []

    digest = Digest(hashlib.sha256(bytes(300_000)).digest())
    store.put_file(key, path, sha256=digest, progress=told.append)

    assert sum(told) == 300_000
    assert min(told) > 0


def test_a_listing_has_everything_below_its_prefix_once(store, key, path, monkeypatch):
    monkeypatch.setattr("expokeep.store.s3.bucket.KEYS_PER_REQUEST", 3)
    folder = key.rpartition("/")[0]
    names = ["a", "a.b/c", "a/b", "a/c/d", "b", "..d/e", "z-9", "z_9"]
    for name in names:
        put(store, f"{folder}/{name}", path, name.encode())
    put(store, f"{folder}x/beside", path, b"")

    found = list(store.list(f"{folder}/"))

    assert sorted(info.key for info in found) == sorted(f"{folder}/{n}" for n in names)
    assert {info.key: info.size_bytes for info in found} == {
        f"{folder}/{name}": len(name) for name in names
    }


def test_a_prefix_need_not_end_at_a_folder(store, key, path):
    put(store, key, path, b"contents")

    assert [info.key for info in store.list(key[:-4])] == [key]
    assert list(store.list(f"{key}-else")) == []


def test_what_is_deleted_is_gone_and_the_rest_stays(store, key, path, monkeypatch):
    monkeypatch.setattr("expokeep.store.s3.bucket.KEYS_PER_REQUEST", 2)
    keys = [f"{key}.{number}" for number in range(5)]
    for number, each in enumerate(keys):
        put(store, each, path, b"%d" % number)

    failures = store.delete([*keys[1:], f"{key}.never-was"])

    assert failures == {}
    assert [info.key for info in store.list(key)] == keys[:1]


def test_deleting_nothing_is_nothing(store):
    assert store.delete([]) == {}


def test_a_bucket_that_is_there_checks_out(store):
    store.check()


def test_an_unfinished_upload_is_found_and_ended(store, key):
    if isinstance(store, S3Store):
        store._s3.create_multipart_upload(**store._bucket, Key=key)
    begun = [] if isinstance(store, MemoryStore) else [key]

    found = list(store.unfinished(key))
    for upload in found:
        store.abort(upload)
        store.abort(upload)

    assert [upload.key for upload in found] == begun
    assert all(upload.started_at.tzinfo for upload in found)
    assert not list(store.unfinished(key))
