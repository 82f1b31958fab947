"""The store on an S3 server: Cloudflare R2, SeaweedFS, or another."""

import hashlib
from base64 import b64encode
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from threading import Lock
from typing import Any

from botocore.exceptions import ClientError

from expokeep.errors import BackendUnreachable, IntegrityError
from expokeep.model.digest import Digest, parse_digest
from expokeep.store.base import (
    KEYS_PER_REQUEST,
    ObjectExists,
    ObjectInfo,
    Progress,
    Unfinished,
)
from expokeep.store.s3.body import Body
from expokeep.store.s3.client import Client
from expokeep.store.s3.deadline import within
from expokeep.store.s3.failures import (
    BROKEN,
    code_of,
    is_damaged,
    is_missing,
    is_taken,
    translated,
)
from expokeep.store.s3.multipart import MARKERS, Multipart, Upload, abort
from expokeep.store.settings import MIB, S3Settings
from expokeep.store.usage import Meter, Usage

_BLOCK_BYTES = 16 * MIB
"""What is lost of an answer that breaks off, at most. Smaller blocks lose less, and
cost a copy of everything: most answers come in one."""


class _BrokeOff(BackendUnreachable):
    """The way back failed in the middle of an answer, which boto3 does not repeat."""


class S3Store:
    """One bucket. Safe to share between threads; connects when first asked.

    Make one per process: a client costs 0.2 s to build, and holds the connections.
    """

    def __init__(self, settings: S3Settings) -> None:
        self._settings = settings
        self._meter = Meter()
        self._client: Client | None = None
        self._building = Lock()

    def put_file(
        self, key: str, path: Path, *, sha256: Digest, progress: Progress | None = None
    ) -> None:
        """Make the bytes of `path` durable at `key`; see `Store.put_file`."""
        self._put(Upload(key, path, path.stat().st_size, sha256, progress))

    def _put(self, upload: Upload) -> None:
        with self._asking("put", upload.key):
            if upload.size_bytes <= self._settings.single_put_max_bytes:
                self._put_at_once(upload)
            else:
                self._put_in_parts(upload)
        self._meter.sent(upload.size_bytes)

    def get(self, key: str, start: int, length: int) -> bytes:
        """Return exactly `length` bytes from `start` on; see `Store.get`.

        An answer that breaks off is resumed where it broke, a counted number of times.
        """
        blocks: list[bytes] = []
        got_bytes = 0
        resumes = 0
        with self._asking("get", key):
            while got_bytes < length:
                try:
                    for block in self._blocks(
                        key, start + got_bytes, length - got_bytes
                    ):
                        blocks.append(block)
                        got_bytes += len(block)
                except _BrokeOff:
                    resumes += 1
                    if resumes > self._settings.resumes:
                        raise
        self._meter.received(got_bytes)
        return blocks[0] if len(blocks) == 1 else b"".join(blocks)

    def head(self, key: str) -> ObjectInfo | None:
        """Return what is at `key`, with the digest that its writer stated, or None."""
        with self._asking("head", key):
            return self._head(key)

    def list(self, prefix: str) -> Iterator[ObjectInfo]:
        """Yield every object below `prefix`, in no particular order."""
        place: dict[str, str] = {}
        while True:
            # Nothing is held while the caller looks at a page: the deadline is for
            # one request, not for what is done with its answer.
            with self._asking("list", prefix):
                page = self._s3.list_objects_v2(
                    **self._bucket, Prefix=prefix, MaxKeys=KEYS_PER_REQUEST, **place
                )
            for item in page.get("Contents", []):
                yield ObjectInfo(item["Key"], item["Size"])
            if not page.get("IsTruncated"):
                return
            place = {"ContinuationToken": page["NextContinuationToken"]}

    def delete(self, keys: Sequence[str]) -> dict[str, str]:
        """Delete objects; return those that were not, each with the server's reason."""
        failed: dict[str, str] = {}
        for first in range(0, len(keys), KEYS_PER_REQUEST):
            chunk = keys[first : first + KEYS_PER_REQUEST]
            names = {"Objects": [{"Key": key} for key in chunk], "Quiet": True}
            with self._asking("delete", f"{len(chunk)} objects"):
                answer = self._s3.delete_objects(**self._bucket, Delete=names)
            for error in answer.get("Errors", []):
                if error.get("Code") != "NoSuchKey":
                    reason = f"{error.get('Code', '')} {error.get('Message', '')}"
                    failed[error["Key"]] = reason.strip()
        return failed

    def unfinished(self, prefix: str) -> Iterator[Unfinished]:
        """Yield every unfinished upload below `prefix`."""
        place: dict[str, str] = {}
        while True:
            with self._asking("list uploads", prefix):
                page = self._s3.list_multipart_uploads(
                    **self._bucket, Prefix=prefix, **place
                )
            for item in page.get("Uploads", []):
                yield Unfinished(item["Key"], item["UploadId"], item["Initiated"])
            if not page.get("IsTruncated"):
                return
            place = {name: page[f"Next{name}"] for name in MARKERS}

    def abort(self, upload: Unfinished) -> None:
        """End an unfinished upload."""
        with self._asking("abort", upload.key):
            abort(self._s3, self._settings.bucket, upload)

    def check(self) -> None:
        """Ask for one key of the bucket.

        A listing rather than HeadBucket: its refusals come with a reason, and it is
        among the rights of every token that could do our work.
        """
        with self._asking("check", self._settings.bucket):
            self._s3.list_objects_v2(**self._bucket, MaxKeys=1)

    def warm(self) -> None:
        """Build the client: 0.2 s that the first save would wait for."""
        _ = self._s3

    def close(self) -> None:
        """Close the connections."""
        with self._building:
            if self._client is not None:
                self._client.close()
                self._client = None

    def usage(self) -> Usage:
        """Return what was asked of the bucket since construction."""
        return self._meter.usage()

    def _connected(self) -> Client:
        with self._building:
            if self._client is None:
                self._client = Client(self._settings, self._meter)
            return self._client

    @property
    def _s3(self) -> Any:
        return self._connected().s3

    @property
    def _bucket(self) -> dict[str, str]:
        return {"Bucket": self._settings.bucket}

    @contextmanager
    def _asking(self, doing: str, about: str) -> Iterator[None]:
        with translated(doing, about):
            # Now, so that building it is not on the time of the first object.
            self._connected()
            with within(self._settings.deadline_s, self._settings.read_timeout_s):
                yield

    def _put_at_once(self, upload: Upload) -> None:
        try:
            with upload.path.open("rb") as stream:
                self._s3.put_object(
                    **self._bucket,
                    Key=upload.key,
                    Body=Body(stream, upload.progress),
                    ChecksumSHA256=b64encode(upload.sha256).decode(),
                    Metadata=upload.metadata,
                    **upload.condition,
                    **upload.headers,
                )
        except ClientError as error:
            self._settle(upload, error)

    def _put_in_parts(self, upload: Upload) -> None:
        # Asked before, not only after: a spool that is replayed must not send the
        # whole file again to be told that it is there.
        if not upload.replaces and self._is_there(upload):
            return
        try:
            Multipart(self._s3, self._settings, upload).run()
        except ClientError as error:
            self._settle(upload, error)

    def _settle(self, upload: Upload, error: ClientError) -> None:
        """Find out what a refused upload means: nothing, or raise what it does mean."""
        # An upload in parts whose last answer was lost exists no more as an upload.
        if is_taken(error) or code_of(error) == "NoSuchUpload":
            if not self._is_there(upload):
                raise BackendUnreachable(f"put {upload.key}: it vanished") from error
        elif is_damaged(error) and not _is_intact(upload):
            raise IntegrityError(f"{upload.path} is not what its digest says")
        elif is_damaged(error):
            # The file is right, so the way was wrong: worth another attempt.
            raise BackendUnreachable(f"put {upload.key}: it arrived damaged") from error
        else:
            raise error

    def _is_there(self, upload: Upload) -> bool:
        found = self._head(upload.key)
        if found is None:
            return False
        if found != ObjectInfo(upload.key, upload.size_bytes, upload.sha256):
            raise ObjectExists(upload.key)
        return True

    def _head(self, key: str) -> ObjectInfo | None:
        try:
            answer = self._s3.head_object(**self._bucket, Key=key)
        except ClientError as error:
            if is_missing(error):
                return None
            raise
        stated = answer.get("Metadata", {}).get("sha256", "")
        return ObjectInfo(key, answer["ContentLength"], _digest_or_none(stated))

    def _blocks(self, key: str, start: int, length: int) -> Iterator[bytes]:
        """Yield `length` bytes, in one answer.

        Raises:
            IntegrityError: The object is shorter than was asked for.
            _BrokeOff: The answer began, and did not come to its end.
        """
        answer = self._s3.get_object(
            **self._bucket, Key=key, Range=f"bytes={start}-{start + length - 1}"
        )
        with closing(answer["Body"]) as body:
            # A server may ignore a range: what it sends then begins at byte 0.
            begins_at = start if "ContentRange" in answer else 0
            if (begins_at, answer["ContentLength"]) != (start, length):
                raise IntegrityError(f"{key} ends before byte {start + length}")
            while length > 0:
                try:
                    block = body.read(min(_BLOCK_BYTES, length))
                except BROKEN as error:
                    raise _BrokeOff(f"get {key}: the answer broke off") from error
                length -= len(block)
                yield block


def create_bucket(settings: S3Settings) -> None:
    """Make the bucket, unless it is there. For our own S3 server, and for tests."""
    client = Client(settings, Meter())
    with closing(client), translated("create bucket", settings.bucket):
        try:
            client.s3.create_bucket(Bucket=settings.bucket)
        except ClientError as error:
            if code_of(error) != "BucketAlreadyOwnedByYou":
                raise


def _is_intact(upload: Upload) -> bool:
    with upload.path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").digest() == upload.sha256


def _digest_or_none(text: str) -> Digest | None:
    try:
        return parse_digest(text)
    except ValueError:
        return None
