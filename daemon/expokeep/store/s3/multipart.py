"""Sends a file that is too big for one PUT: equal parts, a few at a time.

The only place of the store with threads: at most `part_concurrency`, while one big
file is on its way. The parts are read in order by the caller, so the digest of the
whole is checked on the way; what the server gets is checked part by part.
"""

import hashlib
import io
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from expokeep import log
from expokeep.errors import BackendUnreachable, IntegrityError
from expokeep.model.digest import Digest
from expokeep.store.base import Progress, Unfinished
from expokeep.store.s3.body import Body
from expokeep.store.s3.deadline import within
from expokeep.store.s3.failures import BROKEN, code_of, may_pass
from expokeep.store.settings import MIB, S3Settings

_log = log.get(__name__)

MOST_PARTS = 10_000
"""S3 numbers no more parts than this."""


MARKERS = ("KeyMarker", "UploadIdMarker")
"""Where the next page of a listing of uploads begins."""


@dataclass(frozen=True, slots=True)
class Upload:
    """A file on its way to a key."""

    key: str
    path: Path
    size_bytes: int
    sha256: Digest
    progress: Progress | None
    headers: Mapping[str, str] = field(default_factory=dict)
    """What S3 is to tell whoever fetches it, by boto3's names."""
    notes: Mapping[str, str] = field(default_factory=dict)
    replaces: bool = False
    """Whether it may take the place of another object."""

    @property
    def metadata(self) -> dict[str, str]:
        """What is noted with the object."""
        return {"sha256": self.sha256.hex(), **self.notes}

    @property
    def condition(self) -> dict[str, str]:
        """When it may become an object, by boto3's names."""
        return {} if self.replaces else {"IfNoneMatch": "*"}


def part_size_bytes(size_bytes: int, wanted_bytes: int) -> int:
    """Return the size of all parts but the last.

    >>> part_size_bytes(100 * MIB, 16 * MIB) // MIB
    16
    >>> part_size_bytes(1_000_000 * MIB, 16 * MIB) // MIB
    100
    """
    smallest_mib = -(-size_bytes // (MOST_PARTS * MIB))
    return max(wanted_bytes, smallest_mib * MIB)


def abort(s3: Any, bucket: str, upload: Unfinished) -> None:
    """End an upload, unless it has ended by itself."""
    try:
        s3.abort_multipart_upload(
            Bucket=bucket, Key=upload.key, UploadId=upload.upload_id
        )
    except ClientError as error:
        if code_of(error) != "NoSuchUpload":
            raise


class Multipart:
    """One upload in parts; it becomes an object at the end, or leaves nothing."""

    def __init__(self, s3: Any, settings: S3Settings, file: Upload) -> None:
        self._s3 = s3
        self._settings = settings
        self._file = file
        self._names = {"Bucket": settings.bucket, "Key": file.key}
        self._telling = Lock()

    def run(self) -> None:
        """Upload the file.

        Raises:
            IntegrityError: The file is not what its digest says.
            ClientError: As the server answers; 412 if something is at the key.
        """
        self._abort_stale()
        upload_id = self._s3.create_multipart_upload(
            **self._names,
            ChecksumAlgorithm="SHA256",
            Metadata=self._file.metadata,
            **self._file.headers,
        )["UploadId"]
        try:
            parts = self._send(upload_id)
            self._insisted(
                self._s3.complete_multipart_upload,
                UploadId=upload_id,
                MultipartUpload={"Parts": parts},
                **self._file.condition,
            )
        except BaseException:
            # Whatever it was: parts of an upload that nobody completes are billed
            # until they expire, and no listing shows them.
            self._abort(upload_id)
            raise

    def _send(self, upload_id: str) -> list[dict[str, Any]]:
        limit = self._settings.part_concurrency
        futures: list[Future[dict[str, Any]]] = []
        with ThreadPoolExecutor(limit, thread_name_prefix="part") as pool:
            running: set[Future[dict[str, Any]]] = set()
            try:
                for number, contents in enumerate(self._contents(), start=1):
                    future = pool.submit(self._part, upload_id, number, contents)
                    futures.append(future)
                    running.add(future)
                    # Waits here rather than after the next read: no more than `limit`
                    # parts are ever in memory.
                    if len(running) >= limit:
                        done, running = wait(running, return_when=FIRST_COMPLETED)
                        for finished in done:
                            finished.result()
            except BaseException:
                pool.shutdown(wait=True, cancel_futures=True)
                raise
        return [future.result() for future in futures]

    def _contents(self) -> Iterator[bytes]:
        """Yield the parts; fail at the end if they are not what the digest says."""
        size_bytes = part_size_bytes(
            self._file.size_bytes, self._settings.part_size_bytes
        )
        whole = hashlib.sha256()
        with self._file.path.open("rb") as stream:
            while contents := stream.read(size_bytes):
                whole.update(contents)
                yield contents
        if whole.digest() != self._file.sha256:
            raise IntegrityError(f"{self._file.path} is not what its digest says")

    def _part(self, upload_id: str, number: int, contents: bytes) -> dict[str, Any]:
        checksum = b64encode(hashlib.sha256(contents).digest()).decode()
        answer = self._insisted(
            self._s3.upload_part,
            UploadId=upload_id,
            PartNumber=number,
            Body=Body(io.BytesIO(contents), self._told),
            ChecksumSHA256=checksum,
        )
        return {
            "PartNumber": number,
            "ETag": answer["ETag"],
            "ChecksumSHA256": checksum,
        }

    def _insisted(self, ask: Callable[..., Any], **words: Any) -> Any:
        """Ask; and again at once, a counted number of times, if a fault may pass.

        So a fault costs one part. Where every third request fails, no file of many
        parts would ever arrive if each fault cost all the parts before it.
        """
        with self._in_time():
            for _ in range(self._settings.resumes):
                try:
                    return ask(**self._names, **words)
                except (ClientError, *BROKEN) as error:
                    if not may_pass(error):
                        raise
                    if "Body" in words:
                        words["Body"].seek(0)
            return ask(**self._names, **words)

    def _in_time(self) -> AbstractContextManager[None]:
        # Each part has the time of an object, and so has the end of the upload.
        return within(self._settings.deadline_s, self._settings.read_timeout_s)

    def _told(self, news_bytes: int) -> None:
        if self._file.progress is not None:
            with self._telling:
                self._file.progress(news_bytes)

    def _abort_stale(self) -> None:
        """End what an earlier attempt at this key left when it was killed."""
        found = self._s3.list_multipart_uploads(
            Bucket=self._settings.bucket, Prefix=self._file.key
        )
        for upload in found.get("Uploads", []):
            if upload["Key"] == self._file.key:
                self._abort(upload["UploadId"])

    def _abort(self, upload_id: str) -> None:
        try:
            with self._in_time():
                self._s3.abort_multipart_upload(**self._names, UploadId=upload_id)
        except (BackendUnreachable, BotoCoreError, ClientError) as error:
            # The next attempt at this key ends it, and R2 does so after a week.
            _log.warning("upload not aborted", key=self._file.key, error=str(error))
