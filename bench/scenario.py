"""What is done to every peer, step by step, and what is noted of each step."""

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.counting import Tally
from bench.edits import Editor, fall_behind
from bench.peers.base import Bucket, Ground, Peer
from bench.proxy import Proxy
from bench.server import Server
from bench.trees import Project

COLD_SAVE = "cold save"
NO_CHANGE = "no-change save"
ONE_FILE = "one-file save"
COLD_RESTORE = "cold restore"
NEAR_RESTORE = "restore over 95 % equal files"
BEFORE_EDITS = "cold save before the edits"
EDITS = "50 edits"
LATE_RESTORE = "cold restore after them"

TIMED = (COLD_SAVE, NO_CHANGE, ONE_FILE, COLD_RESTORE, NEAR_RESTORE)

EDITS_ASKED = 50
EDITS_OF_THE_ALIKE = 5
"""How often a peer is asked for whom every save costs the same."""


@dataclass(frozen=True, slots=True)
class Measure:
    """One step of one peer, as seen from outside, and as it says itself."""

    project: str
    rtt_s: float
    peer: str
    step: str
    took_s: float
    """The whole command, from start to exit."""
    own_s: float | None
    """The peer's own measure, where there is one."""
    requests: Mapping[str, int]
    sent_bytes: int
    stored_bytes: int
    """What all objects of the peer came to after this step."""
    repeats: int = 1
    """How many saves the figures are the sum of."""


class TreesDiffer(Exception):
    """A restore did not bring back what was saved."""


@dataclass(frozen=True, slots=True)
class Stage:
    """What a round needs besides the peer: the same for everybody."""

    programs: Mapping[str, Path]
    server: Server
    postgres_dsn: str
    proxy: Proxy
    work: Path

    def timed_round(
        self, kind: type[Peer], project: Project, rtt_s: float
    ) -> Iterator[Measure]:
        """Save thrice and restore twice: the steps whose times are compared."""
        with self._actor(kind, project, rtt_s) as actor:
            yield actor.save(COLD_SAVE)
            yield actor.save(NO_CHANGE)
            actor.editor.edit()
            yield actor.save(ONE_FILE)
            yield actor.cold_restore(COLD_RESTORE)
            yield actor.near_restore(NEAR_RESTORE)

    def history_round(
        self, kind: type[Peer], project: Project, edits: int, restore_rtt_s: float
    ) -> Iterator[Measure]:
        """Save after each of many edits, then restore over a longer wire."""
        with self._actor(kind, project, 0.0) as actor:
            yield actor.save(BEFORE_EDITS)
            yield actor.save_edits(EDITS, edits)
            self.proxy.added_rtt_s = actor.rtt_s = restore_rtt_s
            yield actor.cold_restore(LATE_RESTORE)

    @contextmanager
    def _actor(
        self, kind: type[Peer], project: Project, rtt_s: float
    ) -> Iterator["_Actor"]:
        self.proxy.added_rtt_s = rtt_s
        room = Path(tempfile.mkdtemp(prefix="round-", dir=self.work))
        try:
            with (
                self.server.bucket() as bucket,
                closing(kind(self._ground(bucket, room))) as peer,
            ):
                peer.setup()
                shutil.copytree(project.root, peer.project)
                yield _Actor(self, peer, bucket, project.name, rtt_s)
        finally:
            shutil.rmtree(room)

    def _ground(self, bucket: Bucket, room: Path) -> Ground:
        return Ground(self.programs, bucket, room, self.postgres_dsn)


class _Actor:
    """One peer in one round: does a step, and notes what it took."""

    def __init__(
        self, stage: Stage, peer: Peer, bucket: Bucket, project: str, rtt_s: float
    ) -> None:
        self.rtt_s = rtt_s
        self.editor = Editor(peer.project)
        self._stage = stage
        self._peer = peer
        self._bucket = bucket
        self._project = project

    def save(self, step: str) -> Measure:
        return self._note(step, self._peer.save)

    def save_edits(self, step: str, edits: int) -> Measure:
        """Edit and save in turns; an edit itself takes less than a millisecond."""

        def act() -> float | None:
            own_s: list[float] = []
            for _ in range(edits):
                self.editor.edit()
                own_s.extend(_given(self._peer.save()))
            return sum(own_s) if own_s else None

        return self._note(step, act, repeats=edits)

    def cold_restore(self, step: str) -> Measure:
        self._peer.forget_local()
        target = self._peer.room / "restored"
        measure = self._note(step, lambda: self._peer.restore(target))
        _compare(self._peer.project, target)
        return measure

    def near_restore(self, step: str) -> Measure:
        target = self._peer.room / "nearly"
        fall_behind(self._peer.project, target)
        measure = self._note(step, lambda: self._peer.restore(target))
        _compare(self._peer.project, target)
        return measure

    def _note(
        self, step: str, act: Callable[[], float | None], *, repeats: int = 1
    ) -> Measure:
        # Nobody pays for what others left for the kernel to write.
        os.sync()
        proxy = self._stage.proxy
        tally = proxy.tally = Tally()
        begin = time.perf_counter()
        own_s = act()
        took_s = time.perf_counter() - begin
        return Measure(
            project=self._project,
            rtt_s=self.rtt_s,
            peer=self._peer.name,
            step=step,
            took_s=took_s,
            own_s=own_s,
            requests=dict(tally.requests),
            sent_bytes=tally.sent_bytes,
            stored_bytes=self._stage.server.stored_bytes(self._bucket),
            repeats=repeats,
        )


def _given(value: float | None) -> list[float]:
    return [] if value is None else [value]


def _compare(project: Path, restored: Path) -> None:
    done = subprocess.run(
        ["diff", "-r", "-q", "--no-dereference", project, restored],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise TreesDiffer(done.stdout + done.stderr)
