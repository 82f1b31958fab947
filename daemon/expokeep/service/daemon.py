"""The daemon as a whole: its parts, how they start, and whether they are well."""

import contextlib
import fcntl
import functools
import itertools
import os
from collections.abc import Iterator
from io import FileIO
from pathlib import Path

from expokeep import wiring
from expokeep.errors import Busy, ExpokeepError
from expokeep.log import get
from expokeep.model import ignore
from expokeep.model.ignore import Rules
from expokeep.model.names import SessionId
from expokeep.service.board import Board
from expokeep.service.chores import chores
from expokeep.service.draining import released
from expokeep.service.events import Events
from expokeep.service.excess import OverQuota
from expokeep.service.maintenance import LOOK_EVERY_S, OUTCOMES, Maintenance
from expokeep.service.monitoring.listening import Listening
from expokeep.service.parts import Parts
from expokeep.service.progress import Progresses
from expokeep.service.room import Rooms
from expokeep.service.saving import Saving
from expokeep.service.shipping import Shipping
from expokeep.service.tally import Tally
from expokeep.service.telling import Telling
from expokeep.service.turnstile import Turnstile
from expokeep.service.upkeep import Upkeep
from expokeep.service.workers import Attending, Repeating, Workers
from expokeep.settings.values import Settings
from expokeep.snapshot.fold import Folder
from expokeep.snapshot.look import rules_of
from expokeep.watch.observer import Observer
from expokeep.watch.settle import Settler
from expokeep.watch.values import Assignment, SessionDirectory, WatchRoot
from expokeep.wiring import Engine
from expokeep.worktree.root import opened

log = get(__name__)


SHIPPERS = 8
"""Threads that upload and record. They wait for networks, not for processors."""
HEARTBEAT_EVERY_S = 10.0
ROOM_EVERY_S = 1.0
"""So long somebody who could not be captured waits after there is room again."""


class StateUnusable(ExpokeepError):
    """The state directory cannot be written. Nothing in it is lost by that."""

    hint = "See RUNBOOK, `The spool is full, or a disk is failing`."


@contextlib.contextmanager
def running(settings: Settings) -> Iterator[Parts]:
    """Run all parts but the control socket.

    Raises:
        Busy: another daemon runs on this state directory.
        StateUnusable: its disk does not let us.
        WatchUnavailable: the kernel gives us no inotify instance.
    """
    with contextlib.ExitStack() as stack:
        stack.enter_context(_only_one(settings.state_dir))
        _make_spool(settings.spool.path)
        progresses = Progresses()
        engine = stack.enter_context(wiring.engine(settings, progresses.tell))
        wiring.require_schema(engine.backends.catalog)
        parts = _assembled(settings, engine, progresses)
        parts.tally = _tallying(engine, parts.events)
        OverQuota(parts.events)
        parts.events.subscribe(Listening(parts.counts).heard)
        # After all that could begin it anew has come to its end.
        stack.callback(released, parts)
        stack.enter_context(Repeating("upkeep", HEARTBEAT_EVERY_S, Upkeep(parts).act))
        stack.enter_context(Repeating("room", ROOM_EVERY_S, parts.rooms.act))
        stack.enter_context(parts.shippers)
        parts.shipping.start()
        if engine.snapshotter.capturing is not None:
            stack.enter_context(Attending("capture", engine.snapshotter.capturing.work))
        parts.saving.ending.adopt()
        stack.enter_context(parts.savers)
        stack.enter_context(parts.observer)
        parts.maintenance = stack.enter_context(_maintaining(engine, parts))
        yield parts


@contextlib.contextmanager
def _maintaining(engine: Engine, parts: Parts) -> Iterator[Maintenance | None]:
    """Look after what is kept, where anything can be."""
    lock = wiring.maintenance_lock(engine.backends)
    if lock is None:
        yield None
        return
    maintenance = Maintenance(lock, chores(engine, parts.events))
    for chore, outcome in itertools.product(maintenance.chores, OUTCOMES):
        parts.counts.expect("chore_runs_total", chore.name, outcome)
    maintenance.told = functools.partial(parts.counts.add, "chore_runs_total")
    with Repeating("maintenance", LOOK_EVERY_S, maintenance.act):
        try:
            yield maintenance
        finally:
            maintenance.stop()


def _tallying(engine: Engine, events: Events) -> Tally | None:
    """Return what counts, where there is a catalog to tell."""
    usage = wiring.usage_of(engine.backends.catalog)
    if usage is None:
        return None
    is_stored = engine.settings.storage.configured
    meter = engine.backends.store.usage if is_stored else lambda: None
    tally = Tally(usage, engine.host, meter)
    events.subscribe(tally.heard)
    return tally


def _assembled(settings: Settings, engine: Engine, progresses: Progresses) -> Parts:
    debounce = settings.debounce
    due: Turnstile[SessionDirectory, SessionId] = Turnstile(
        Settler(debounce.quiet_s, debounce.max_wait_s),
        lambda directory: directory.session,
    )
    waiting: Turnstile[SessionId, SessionId] = Turnstile(
        Settler(0.0, 0.0), lambda session: session
    )
    board = _board(settings, engine, due)
    shipping = Shipping(engine.spool, engine.shipper, engine.snapshotter, waiting)
    observer = _observer(settings, engine, board)
    rooms = Rooms(
        bounds=settings.spool,
        board=board,
        savers=due,
        shipping=shipping,
        folder=Folder(engine.spool, engine.snapshotter.tools.policy),
        cache=engine.fetcher.cache,
    )
    saving = Saving(
        settings, engine.snapshotter, board, due, shipping, rooms, observer.rescan
    )
    shippers = Workers("shipper", SHIPPERS, waiting, shipping.handle)
    progresses.alive = shippers.touch
    return Parts(
        settings=settings,
        engine=engine,
        board=board,
        observer=observer,
        saving=saving,
        rooms=rooms,
        shipping=shipping,
        savers=Workers("saver", settings.workers, due, saving.handle),
        shippers=shippers,
        progresses=progresses,
        telling=_telling(engine, board),
        events=shipping.events,
    )


def _telling(engine: Engine, board: Board) -> Telling | None:
    """Return what tells other hosts, where there is a catalog to tell."""
    told = wiring.surroundings(engine.backends.catalog)
    return Telling(board, engine.spool, engine.host, told) if told else None


def _board(
    settings: Settings, engine: Engine, due: Turnstile[SessionDirectory, SessionId]
) -> Board:
    board = Board(due, max_sessions=settings.max_sessions)
    board.max_sessions_per_uid = settings.max_sessions_per_uid
    capturing = engine.snapshotter.capturing
    if capturing is not None:
        capturing.allowance.hasten = due.schedule
        board.refused = capturing.leave
    return board


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
        capture=engine.snapshotter.capturing,
        ignore_file=os.fsencode(settings.ignore_file),
    )
    return Observer(assignment, settings.state_dir / "watch")


@contextlib.contextmanager
def _only_one(state_dir: Path) -> Iterator[None]:
    """Hold the lock of a state directory: two daemons would replay one spool."""
    with _lock_file(state_dir) as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            lock.seek(0)
            pid = lock.read().decode(errors="replace").strip() or "another process"
            busy = Busy(f"expokeepd {pid} runs on {state_dir} already")
            busy.hint = "Give this one a state directory of its own: --state-dir DIR."
            raise busy from error
        # For people only: what waits on a full disk must be shipped all the same.
        with contextlib.suppress(OSError):
            lock.truncate(0)
            lock.write(b"%d\n" % os.getpid())
        yield


def _lock_file(state_dir: Path) -> FileIO:
    """Open the lock of a state directory, made where it is missing.

    Raises:
        StateUnusable: the disk does not let us.
    """
    try:
        state_dir.mkdir(mode=0o755, parents=True, exist_ok=True)
        return FileIO(state_dir / "daemon.lock", "a+")
    except OSError as error:
        raise StateUnusable(f"{state_dir} cannot be used: {error}") from error


def _make_spool(path: Path) -> None:
    """Make the spool's directory where it is missing.

    Raises:
        StateUnusable: it cannot be made; the packaged unit sees only what it names.
    """
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        reason = f"spool.path {path} cannot be used: {error.strerror}"
        unusable = StateUnusable(reason)
        unusable.hint = (
            f"`install -d -m 0700 -o expokeep -g expokeep {path}`; and the unit has to "
            f"see it: `systemctl edit expokeepd`, `[Service]` and `BindPaths={path}`."
        )
        raise unusable from error
