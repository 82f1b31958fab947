"""The baselines: the whole project as one archive, one PUT; every save a new object.

PUT and GET are curl's: it starts in 10 ms, signs without reading the body twice, and
was the fastest honest way (a Python client takes 0.3 s to begin). A restore streams:
the archive is unpacked while it comes in.
"""

from pathlib import Path
from typing import ClassVar

from bench.peers.base import Peer


class Tarball(Peer):
    """`tar -czf` and one PUT."""

    name = "tar.gz + PUT"
    programs: ClassVar[tuple[str, ...]] = ("tar", "curl")
    keeps_history = True
    version_option = "--version"
    compression: ClassVar[str] = "--gzip"

    def setup(self) -> None:
        self._saves = 0

    def save(self) -> None:
        archive = self.room / "archive"
        self.run("tar", "-C", self.project, self.compression, "-cf", archive, ".")
        self._saves += 1
        self.run(
            "curl", "--config", "-", stdin=self._curl(f'upload-file = "{archive}"')
        )

    def restore(self, target: Path) -> None:
        target.mkdir(exist_ok=True)
        pipe = 'curl --config - | tar -C "$1" "$2" -xf -'
        self.run(
            *("bash", "-o", "pipefail", "-c", pipe, "restore"),
            *(target, self.compression),
            stdin=self._curl(),
        )

    def _curl(self, *lines: str) -> str:
        """Curl's configuration: no secret stands in a list of processes."""
        bucket = self.bucket
        return "\n".join(
            (
                "silent\nshow-error\nfail",
                f'url = "{bucket.endpoint}/{bucket.name}/{self._saves:010}"',
                f'user = "{bucket.access_key}:{bucket.secret_key}"',
                'aws-sigv4 = "aws:amz:us-east-1:s3"',
                "expect100-timeout = 0.001",
                *lines,
            )
        )


class TarballZstd(Tarball):
    """`tar --zstd` (level 3, one thread: its default) and one PUT."""

    name = "tar.zst + PUT"
    programs = ("tar", "zstd", "curl")
    compression = "--zstd"
