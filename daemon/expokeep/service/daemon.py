"""The daemon as a whole: its parts, how they start, and whether they are well."""

import contextlib
import fcntl
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from expokeep import clock, wiring
from expokeep.errors import Busy, ExpokeepError
from expokeep.log import get
from expokeep.model import ignore
from expokeep.model.ignore import Rules
from expokeep.model.names import SessionId
from expokeep.service.board import Board
from expokeep.service.progress import Progresses
from expokeep.service.saving import Saving
from expokeep.service.shipping import Shipping
from expokeep.service.turnstile import Turnstile
from expokeep.service.workers import Repeating, Workers
from expokeep.settings.values import Settings
from expokeep.snapshot.look import rules_of
from expokeep.watch.observer import Observer
from expokeep.watch.settle import Settler
from expokeep.watch.values import Assignment, SessionDirectory, WatchRoot
from expokeep.wiring import Engine
from expokeep.worktree.root import opened

log = get(__name__)

SHIPPERS = 8
"""Threads that upload and record. They wait for networks, not for processors."""
HUNG_AFTER_S = 900.0
"""A single piece of work that takes longer than this hangs, and systemd may end us."""
HEARTBEAT_EVERY_S = 10.0


@dataclass(slots=True)
class Parts:
    """Everything that runs."""

    settings: Settings
    engine: Engine
    board: Board
    observer: Observer
    saving: Saving
    shipping: Shipping
    savers: Workers[bytes, SessionId]
    shippers: Workers[SessionId, SessionId]
    progresses: Progresses
    catalog_error: list[ExpokeepError] = field(default_factory=list)
    """The failure of the last heartbeat, if it failed."""

    def is_well(self) -> bool:
        """Ask every part whether it makes progress."""
        return (
            self.observer.alive()
            and self.savers.alive()
            and self.shippers.alive()
            and max(self.savers.stuck_s(), self.shippers.stuck_s()) < HUNG_AFTER_S
        )

    def summary(self) -> str:
        """Return one line for systemd's status."""
        backlog = self.engine.spool.backlog()
        oldest = min(
            [line.changed_at for line in self.board.lines() if line.changed_at]
            + ([backlog.oldest_at] if backlog.oldest_at else []),
            default=None,
        )
        age = f"{(clock.now() - oldest).total_seconds():.0f} s" if oldest else "none"
        return (
            f"{len(self.board.lines())} sessions, {backlog.entries} in the spool, "
            f"oldest unsaved change: {age}"
        )

    def home(self, session: SessionId) -> Path:
        """Return where a session lives on this host, or would live."""
        line = self.board.main_line(session)
        if line is not None:
            return line.path
        return self.settings.watch[0].dir / f"expo-{session}"

    def uid_of(self, session: SessionId) -> int | None:
        """Return whose a session is: by the catalog, or by its directory."""
        try:
            row = self.engine.backends.catalog.session(session)
        except ExpokeepError:
            row = None
        if row is not None:
            return row.root_uid
        line = self.board.main_line(session)
        return line.directory.uid if line else None

    def drain(self, timeout_s: float) -> bool:
        """Keep and ship all that is unsaved; return whether everything is recorded."""
        deadline_s = clock.monotonic_s() + timeout_s
        for line in self.board.lines():
            if line.changed_at is not None:
                self.saving.turnstile.schedule(line.directory.path)
        self.saving.turnstile.wait_idle(timeout_s)
        self.shipping.hurry()
        left_s = max(0.0, deadline_s - clock.monotonic_s())
        return self.shipping.wait_empty(None, left_s)


@contextlib.contextmanager
def running(settings: Settings) -> Iterator[Parts]:
    """Run all parts but the control socket.

    Raises:
        Busy: another daemon runs on this state directory.
        WatchUnavailable: the kernel gives us no inotify instance.
    """
    with contextlib.ExitStack() as stack:
        stack.enter_context(_only_one(settings.state_dir))
        progresses = Progresses()
        engine = stack.enter_context(wiring.engine(settings, progresses.tell))
        wiring.require_schema(engine.backends.catalog)
        parts = _assembled(settings, engine, progresses)
        stack.enter_context(
            Repeating("heartbeat", HEARTBEAT_EVERY_S, lambda: _heartbeat(parts))
        )
        stack.enter_context(parts.shippers)
        parts.shipping.start()
        stack.enter_context(parts.savers)
        stack.enter_context(parts.observer)
        yield parts


def _assembled(settings: Settings, engine: Engine, progresses: Progresses) -> Parts:
    debounce = settings.debounce
    due: Turnstile[bytes, SessionId] = Turnstile(
        Settler(debounce.quiet_s, debounce.max_wait_s),
        lambda path: _session(board, path),
    )
    waiting: Turnstile[SessionId, SessionId] = Turnstile(
        Settler(0.0, 0.0), lambda session: session
    )
    board = Board(due, max_sessions=settings.max_sessions)

    shipping = Shipping(engine.spool, engine.shipper, engine.snapshotter, waiting)
    saving = Saving(settings, engine.snapshotter, board, due, shipping)
    return Parts(
        settings=settings,
        engine=engine,
        board=board,
        observer=_observer(settings, engine, board),
        saving=saving,
        shipping=shipping,
        savers=Workers("saver", settings.workers, due, saving.handle),
        shippers=Workers("shipper", SHIPPERS, waiting, shipping.handle),
        progresses=progresses,
    )


def _session(board: Board, path: bytes) -> SessionId:
    """Return the lane of a directory: one journey per session at a time."""
    line = board.line(path)
    return line.directory.session if line else SessionId(os.fsdecode(path))


def _observer(settings: Settings, engine: Engine, board: Board) -> Observer:
    policy = engine.snapshotter.tools.policy

    def excluded(directory: SessionDirectory) -> Rules:
        try:
            with opened(Path(os.fsdecode(directory.path))) as root:
                return rules_of(root, policy)
        except (ExpokeepError, OSError):
            return ignore.rules(policy.excludes)

    roots = tuple(
        WatchRoot(
            path=os.fsencode(watch.dir),
            glob=os.fsencode(watch.pattern),
            naming=watch.session_id,
        )
        for watch in settings.watch
    )
    assignment = Assignment(
        roots=roots,
        excluded=excluded,
        sink=board,
        ignore_file=os.fsencode(settings.ignore_file),
    )
    return Observer(assignment, settings.state_dir / "watch")


def _heartbeat(parts: Parts) -> None:
    settings, engine = parts.settings, parts.engine
    if not settings.database.configured:
        return
    try:
        engine.backends.catalog.heartbeat(
            engine.host, lease_s=settings.database.lease_ttl_s
        )
    except ExpokeepError as error:
        if not parts.catalog_error:
            log.warning("catalog does not answer", error=str(error))
        parts.catalog_error[:] = [error]
    else:
        if parts.catalog_error:
            log.info("catalog answers again")
            parts.shipping.hurry()
        parts.catalog_error.clear()


@contextlib.contextmanager
def _only_one(state_dir: Path) -> Iterator[None]:
    """Hold the lock of a state directory: two daemons would replay one spool."""
    state_dir.mkdir(mode=0o755, parents=True, exist_ok=True)
    with (state_dir / "daemon.lock").open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            lock.seek(0)
            pid = lock.read().strip() or "another process"
            raise Busy(f"expokeepd {pid} runs on {state_dir} already") from error
        lock.truncate(0)
        lock.write(f"{os.getpid()}\n")
        lock.flush()
        yield
