"""What every peer can do, and nothing about any one of them.

A peer lives for one round: it gets an empty bucket and an empty folder, saves a project
a few times, restores it, and is closed.
"""

import os
import shutil
import subprocess
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

_LONGEST_COMMAND_S = 600.0


@dataclass(frozen=True, slots=True)
class Bucket:
    """An empty bucket, reached through the wire that delays and counts."""

    endpoint: str
    name: str
    access_key: str
    secret_key: str


@dataclass(frozen=True, slots=True)
class Ground:
    """What a peer stands on for one round."""

    programs: Mapping[str, Path]
    bucket: Bucket
    room: Path
    """An empty folder of its own."""
    postgres_dsn: str
    """A server on which a database can be made, for whoever needs one."""


class Peer(ABC):
    """One way to keep a project in a bucket."""

    name: ClassVar[str]
    """As the tables call it."""
    programs: ClassVar[tuple[str, ...]]
    """What has to be installed for it, by the names in `tools`."""
    keeps_history: ClassVar[bool]
    """Whether an older save can still be restored after a newer one."""
    saves_alike: ClassVar[bool] = True
    """Whether one save costs what any other does, so that few of them tell of many."""

    version_option: ClassVar[str] = "version"
    """What makes the first program say which one it is."""

    def __init__(self, ground: Ground) -> None:
        self.ground = ground
        self.bucket = ground.bucket
        self.room = ground.room

    @classmethod
    def version(cls, programs: Mapping[str, Path]) -> str:
        """Return the line in which the peer says what it is."""
        done = subprocess.run(
            [programs[cls.programs[0]], cls.version_option],
            check=True,
            capture_output=True,
            text=True,
        )
        return done.stdout.splitlines()[0]

    @property
    def project(self) -> Path:
        """Where the project has to be for this peer to save it."""
        return self.room / "project"

    @abstractmethod
    def setup(self) -> None:
        """Do what is needed once, before the first save; it is not timed."""

    @abstractmethod
    def save(self) -> float | None:
        """Keep the project as it is now.

        Returns:
            The seconds it took by the peer's own measure, or None if that is the time
            of the whole command.
        """

    @abstractmethod
    def restore(self, target: Path) -> float | None:
        """Make `target`, missing or out of date, equal to what was saved last."""

    def forget_local(self) -> None:  # noqa: B027  most peers have no cache
        """Drop every local cache, so that a restore begins as on a new machine."""

    def close(self) -> None:  # noqa: B027  most peers leave nothing running
        """End what `setup` began."""

    def run(
        self,
        *command: str | Path,
        cwd: Path | None = None,
        env: Mapping[str, str] | None = None,
        stdin: str = "",
    ) -> str:
        """Run one program to its end, and return what it printed.

        Raises:
            PeerFailed: it did not exit with 0.
        """
        done = subprocess.run(
            [str(self.ground.programs.get(str(command[0]), command[0])), *command[1:]],
            cwd=cwd,
            env={**os.environ, **(env or {})},
            input=stdin,
            capture_output=True,
            text=True,
            timeout=_LONGEST_COMMAND_S,
            check=False,
        )
        if done.returncode:
            raise PeerFailed(self.name, done)
        return done.stdout


class PeerFailed(Exception):
    """A peer could not do what it was asked for."""

    def __init__(self, name: str, done: subprocess.CompletedProcess[str]) -> None:
        tail = (done.stderr or done.stdout)[-2000:]
        super().__init__(f"{name} exited with {done.returncode}:\n{tail}")


def empty(folder: Path) -> Path:
    """Return `folder`, made anew."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder
