"""rclone: a mirror of the project as one object per file; keeps no history."""

from pathlib import Path
from typing import ClassVar

from bench.peers.base import Peer


class Rclone(Peer):
    """`rclone sync` as it comes: 4 transfers, 8 checkers, times from HEAD requests."""

    name = "rclone"
    programs = ("rclone",)
    keeps_history = False
    options: ClassVar[tuple[str, ...]] = ()

    def setup(self) -> None:
        """Nothing: the bucket is there, and there is no configuration file."""

    def save(self) -> None:
        self._sync(self.project, self._remote)

    def restore(self, target: Path) -> None:
        self._sync(self._remote, target)

    @property
    def _remote(self) -> str:
        return f":s3:{self.bucket.name}/project"

    def _sync(self, source: str | Path, target: str | Path) -> None:
        env = {
            "RCLONE_CONFIG": "/dev/null",
            "RCLONE_S3_PROVIDER": "SeaweedFS",
            "RCLONE_S3_ENDPOINT": self.bucket.endpoint,
            "RCLONE_S3_ACCESS_KEY_ID": self.bucket.access_key,
            "RCLONE_S3_SECRET_ACCESS_KEY": self.bucket.secret_key,
            "RCLONE_S3_NO_CHECK_BUCKET": "true",
        }
        self.run("rclone", "sync", source, target, *self.options, env=env)


class RcloneTuned(Rclone):
    """rclone told that listing is cheap, MD5 is enough and the wire is long."""

    name = "rclone tuned"
    options = ("--fast-list", "--checksum", "--transfers", "32")
