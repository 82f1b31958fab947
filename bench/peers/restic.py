"""restic: encrypted, deduplicating repositories; every save is a snapshot."""

import secrets
from pathlib import Path

from bench.peers.base import Peer, empty


class Restic(Peer):
    """restic as Debian 12 has it, with its defaults and its local cache."""

    name = "restic 0.14"
    programs = ("restic",)
    keeps_history = True
    saves_alike = False

    def setup(self) -> None:
        (self.room / "password").write_text(secrets.token_urlsafe())
        self._restic("init")

    def save(self) -> None:
        self._restic("backup", ".", cwd=self.project)

    def restore(self, target: Path) -> None:
        self._restic("restore", "latest", "--target", target)

    def forget_local(self) -> None:
        empty(self._cache)

    @property
    def _cache(self) -> Path:
        return self.room / "cache"

    def _restic(self, *words: str | Path, cwd: Path | None = None) -> None:
        env = {
            "RESTIC_REPOSITORY": f"s3:{self.bucket.endpoint}/{self.bucket.name}",
            "RESTIC_PASSWORD_FILE": str(self.room / "password"),
            "RESTIC_CACHE_DIR": str(self._cache),
            "AWS_ACCESS_KEY_ID": self.bucket.access_key,
            "AWS_SECRET_ACCESS_KEY": self.bucket.secret_key,
        }
        self.run(self.programs[0], "--quiet", *words, cwd=cwd, env=env)


class ResticSid(Restic):
    """restic of Debian's unstable suite: three years younger."""

    name = "restic 0.19"
    programs = ("restic-sid",)
