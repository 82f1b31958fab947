"""`juicefs sync`: a mirror as one object per file; keeps no history, reads no contents.

It goes by size alone, its default and its fastest: an edit that keeps a file's size is
not seen (ours never do). `--update` goes by time, but by whole seconds: it missed edits
that came soon after a save, and fetched everything again on a restore.
"""

from pathlib import Path
from urllib.parse import quote, urlsplit

from bench.peers.base import Peer


class JuicefsSync(Peer):
    """`juicefs sync` with its default of 10 threads, made to mirror deletions too."""

    name = "juicefs sync"
    programs = ("juicefs",)
    keeps_history = False

    def setup(self) -> None:
        """Nothing: the bucket is there, and there is no configuration file."""

    def save(self) -> None:
        self._sync(f"{self.project}/", self._remote)

    def restore(self, target: Path) -> None:
        self._sync(self._remote, f"{target}/")

    @property
    def _remote(self) -> str:
        bucket = self.bucket
        credentials = f"{quote(bucket.access_key)}:{quote(bucket.secret_key, safe='')}"
        server = urlsplit(bucket.endpoint).netloc
        return f"minio://{credentials}@{server}/{bucket.name}/project/"

    def _sync(self, *words: str) -> None:
        self.run("juicefs", "sync", "--quiet", "--delete-dst", *words)
