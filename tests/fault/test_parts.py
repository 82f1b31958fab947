"""A big file on its way to a real server, through faults: one costs one part."""

import contextlib
import hashlib
import os

import pytest

from expokeep.model.digest import Digest
from expokeep.store.s3 import S3Settings, S3Store, create_bucket
from relays import relay_to

MIB = 1 << 20
PARTS = 4
FAULTS = ("error", "slow down", "timeout", "reset", "lost")


@pytest.fixture
def relay(s3_server):
    with relay_to(s3_server.endpoint_url) as relay:
        yield relay


@pytest.fixture
def store(s3_server, relay, bucket_name):
    settings = S3Settings(
        relay.url,
        bucket_name,
        s3_server.access_key_id,
        s3_server.secret_access_key,
        attempts=1,
        single_put_max_bytes=6 * MIB,
        part_size_bytes=5 * MIB,
    )
    create_bucket(settings)
    with contextlib.closing(S3Store(settings)) as store:
        yield store


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_costs_one_part_and_not_the_file(store, relay, tmp_path, fault):
    contents = os.urandom(5 * MIB) * PARTS
    path = tmp_path / "a.pack"
    path.write_bytes(contents)
    spoilt: set[str] = set()
    news: list[int] = []

    def first_try_of_each(request):
        upload = "uploadId=" in request.target and request.method in {"PUT", "POST"}
        if not upload or request.target in spoilt:
            return None
        spoilt.add(request.target)
        return fault

    relay.script = first_try_of_each
    with relay.recorded() as seen:
        digest = Digest(hashlib.sha256(contents).digest())
        store.put_file("key", path, sha256=digest, progress=news.append)
    relay.script = lambda _request: None

    parts = [one.target for one in seen if "partNumber=" in one.target]
    assert len(spoilt) == PARTS + 1
    assert len(parts) == 2 * PARTS
    assert sum(news) == len(contents)
    assert store.head("key").sha256 == digest
    assert store.get("key", 0, len(contents)) == contents
