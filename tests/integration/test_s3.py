"""The store on a real S3 server: integrity, big objects, rights."""

import contextlib
import dataclasses
import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest

from expokeep.errors import AccessDenied, ConfigError, IntegrityError, NotFound
from expokeep.model.digest import Digest
from expokeep.store.base import ObjectExists
from expokeep.store.s3 import S3Settings, S3Store, create_bucket
from expokeep.store.s3.client import _session

MIB = 1 << 20
KEY = "v1/local/session/0000000001-0-pack.tar.zst"


@pytest.fixture
def in_parts(s3_bucket: S3Settings) -> S3Settings:
    """Settings by which 11 MiB are three parts."""
    return dataclasses.replace(
        s3_bucket, single_put_max_bytes=6 * MIB, part_size_bytes=5 * MIB
    )


@contextlib.contextmanager
def store_of(s3_bucket: S3Settings) -> Iterator[S3Store]:
    with contextlib.closing(S3Store(s3_bucket)) as store:
        yield store


@pytest.fixture
def asking(s3_bucket: S3Settings) -> Iterator:
    """An S3 client of another make: what the server itself says."""
    client = boto3.client(
        "s3",
        endpoint_url=s3_bucket.endpoint_url,
        region_name="auto",
        aws_access_key_id=s3_bucket.access_key_id,
        aws_secret_access_key=s3_bucket.secret_access_key,
    )
    with contextlib.closing(client):
        yield client


def file_of(path: Path, contents: bytes) -> tuple[Path, Digest]:
    path.write_bytes(contents)
    return path, Digest(hashlib.sha256(contents).digest())


def test_a_flipped_byte_is_refused_by_the_server(s3_bucket, tmp_path):
    path, digest = file_of(tmp_path / "a", b"contents")
    path.write_bytes(b"cOntents")

    with store_of(s3_bucket) as store:
        with pytest.raises(IntegrityError):
            store.put_file(KEY, path, sha256=digest)

        assert store.head(KEY) is None


def test_a_big_file_goes_up_in_equal_parts_and_comes_back(s3_bucket, asking, tmp_path):
    contents = os.urandom(70 * MIB)
    path, digest = file_of(tmp_path / "big", contents)
    told: list[int] = []

    with store_of(s3_bucket) as store:
        store.put_file(KEY, path, sha256=digest, progress=told.append)

        found = store.head(KEY)
        middle = store.get(KEY, 15 * MIB, 33 * MIB)
        usage = store.usage()

    assert (found.size_bytes, found.sha256) == (len(contents), digest)
    assert middle == contents[15 * MIB : 48 * MIB]
    assert sum(told) == len(contents)
    assert usage.requests["UploadPart"] == 5
    assert "PutObject" not in usage.requests
    assert usage.class_a == 8
    parts = [
        asking.head_object(Bucket=s3_bucket.bucket, Key=KEY, PartNumber=number)
        for number in range(1, 6)
    ]
    sizes = [part["ContentLength"] for part in parts]
    assert sizes == [16 * MIB] * 4 + [6 * MIB]


def test_a_big_file_that_rotted_leaves_nothing(in_parts, asking, tmp_path):
    path, digest = file_of(tmp_path / "big", bytes(11 * MIB))
    path.write_bytes(bytes(11 * MIB - 1) + b"?")

    with store_of(in_parts) as store:
        with pytest.raises(IntegrityError):
            store.put_file(KEY, path, sha256=digest)

        assert store.head(KEY) is None
        assert "CompleteMultipartUpload" not in store.usage().requests
    listing = asking.list_multipart_uploads(Bucket=in_parts.bucket)
    assert "Uploads" not in listing


def test_what_a_killed_upload_left_is_ended_by_the_next(in_parts, asking, tmp_path):
    path, digest = file_of(tmp_path / "big", bytes(11 * MIB))
    names = {"Bucket": in_parts.bucket}
    asking.create_multipart_upload(**names, Key=KEY)
    other = asking.create_multipart_upload(**names, Key=f"{KEY}.other")["UploadId"]

    with store_of(in_parts) as store:
        store.put_file(KEY, path, sha256=digest)

    left = asking.list_multipart_uploads(**names)["Uploads"]
    assert [upload["UploadId"] for upload in left] == [other]


def test_a_big_file_that_is_there_is_not_sent_again(in_parts, tmp_path):
    path, digest = file_of(tmp_path / "big", bytes(11 * MIB))

    with store_of(in_parts) as store:
        store.put_file(KEY, path, sha256=digest)
        sent = store.usage().requests["UploadPart"]
        store.put_file(KEY, path, sha256=digest)

        assert store.usage().requests["UploadPart"] == sent


def test_a_big_file_takes_no_key_that_is_used(in_parts, tmp_path):
    small, small_digest = file_of(tmp_path / "small", b"first")
    path, digest = file_of(tmp_path / "big", bytes(11 * MIB))

    with store_of(in_parts) as store:
        store.put_file(KEY, small, sha256=small_digest)
        with pytest.raises(ObjectExists):
            store.put_file(KEY, path, sha256=digest)

        assert store.get(KEY, 0, 5) == b"first"


def test_of_two_who_send_parts_at_once_the_late_one_is_refused(
    in_parts, asking, tmp_path
):
    small, small_digest = file_of(tmp_path / "small", b"first")
    path, digest = file_of(tmp_path / "big", bytes(11 * MIB))

    with store_of(in_parts) as store:

        def overtake(_sent_bytes: int) -> None:
            store.put_file(KEY, small, sha256=small_digest)

        with pytest.raises(ObjectExists):
            store.put_file(KEY, path, sha256=digest, progress=overtake)

        assert store.get(KEY, 0, 5) == b"first"
    assert "Uploads" not in asking.list_multipart_uploads(Bucket=in_parts.bucket)


def test_a_bucket_is_made_once(s3_bucket):
    create_bucket(s3_bucket)

    with store_of(s3_bucket) as store:
        store.check()


def test_a_bucket_that_is_not_there_is_named(s3_bucket, tmp_path):
    path, digest = file_of(tmp_path / "a", b"contents")
    elsewhere = dataclasses.replace(s3_bucket, bucket="there-is-none")

    with store_of(elsewhere) as store:
        with pytest.raises(NotFound, match="there-is-none") as raised:
            store.check()
        with pytest.raises(NotFound):
            store.put_file(KEY, path, sha256=digest)

    assert "Create the bucket" in raised.value.hint


@pytest.mark.parametrize("wrong", ["access_key_id", "secret_access_key"])
def test_wrong_credentials_are_refused_and_not_shown(s3_bucket, wrong):
    intruder = dataclasses.replace(s3_bucket, **{wrong: "canary0123456789"})

    with (
        store_of(intruder) as store,
        pytest.raises(AccessDenied) as raised,
    ):
        store.check()

    assert "canary" not in str(raised.value)
    assert s3_bucket.secret_access_key not in repr(raised.value.__cause__)


def test_an_endpoint_that_is_no_url_is_a_matter_of_configuration(s3_bucket):
    nowhere = dataclasses.replace(s3_bucket, endpoint_url="r2.example")

    with store_of(nowhere) as store, pytest.raises(ConfigError, match=r"r2\.example"):
        store.check()


def test_settings_of_other_programs_do_not_count(s3_bucket, monkeypatch, tmp_path):
    (tmp_path / "config").write_text("[profile x]\ns3 =\n  addressing_style = nonsense")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_PROFILE", "there-is-no-such-profile")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "of-something-else")
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_REQUEST_CHECKSUM_CALCULATION", "when_supported")
    # As in a process that begins with this environment.
    _session.cache_clear()

    with store_of(s3_bucket) as store:
        store.check()
