"""Has a command run on what has become the newest version of a session.

In a process of its own for each run (`expokeep.runner`): here it is only claimed, sent
and written down. Nobody who saves waits for it, and of several versions that came while
one was run only the newest is next.
"""

import contextlib
import os
import pwd
import queue
import select
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field

import msgspec

from expokeep import clock, wiring
from expokeep.catalog.hooking import HookQueue
from expokeep.errors import ExpokeepError
from expokeep.hooks.values import Job, Limits, Result
from expokeep.log import get
from expokeep.model.event import Event
from expokeep.model.names import SessionId
from expokeep.service.parts import Parts
from expokeep.service.turnstile import Turnstile
from expokeep.service.workers import Repeating, Workers
from expokeep.settings.hooks import Hooks
from expokeep.settings.values import Settings
from expokeep.watch.settle import Settler

log = get(__name__)

LOOK_EVERY_S = 60.0
"""For what was missed: while this daemon was down, or Postgres was away."""
AGAIN_AFTER_S = 60.0
_TO_TIDY_UP_S = 600.0
_ANSWER_BYTES = 4 * 1024 * 1024
_ENVIRONMENT = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}


@contextlib.contextmanager
def hooking(parts: Parts) -> Iterator[None]:
    """Run the command, if there is one. Needs the control socket."""
    settings, hooks = parts.settings, wiring.hook_queue(parts.engine)
    if not settings.hooks.on_version or hooks is None:
        yield
        return
    if (obstacle := obstacle_to(settings.hooks)) is not None:
        log.error("hooks are not run", reason=obstacle)
        yield
        return
    turnstile: Turnstile[SessionId, SessionId] = Turnstile(
        Settler(0.0, 0.0), lambda session: session
    )
    running = Hooking(parts, hooks, turnstile)
    unsubscribe = parts.events.subscribe(running.heard)
    workers = Workers("hook", settings.hooks.parallelism, turnstile, running.handle)
    with workers, Repeating("missed-hooks", LOOK_EVERY_S, running.look):
        try:
            yield
        finally:
            unsubscribe()
            running.stop()


def obstacle_to(hooks: Hooks) -> str | None:
    """Return why commands cannot be run here, in words; None if they can."""
    if os.geteuid() != 0:
        if hooks.unsafe_same_user:
            return None
        return "expokeepd is not root, and hooks.unsafe-same-user is not set"
    for uid in range(hooks.first_uid, hooks.first_uid + hooks.parallelism):
        with contextlib.suppress(KeyError):
            name = pwd.getpwuid(uid).pw_name
            return f"user {uid} is {name}: set hooks.first-uid to numbers nobody has"
    return None


@dataclass(slots=True)
class Hooking:
    """Runs commands. Safe from any thread."""

    parts: Parts
    hooks: HookQueue
    turnstile: Turnstile[SessionId, SessionId]
    _uids: queue.SimpleQueue[int] = field(default_factory=queue.SimpleQueue)
    _stopping: threading.Event = field(default_factory=threading.Event)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _runners: "set[subprocess.Popen[bytes]]" = field(default_factory=set)

    def __post_init__(self) -> None:
        hooks = self.parts.settings.hooks
        for number in range(hooks.parallelism):
            own = os.geteuid()
            self._uids.put(own or hooks.first_uid + number)

    def heard(self, event: Event) -> None:
        """Plan a version that was recorded a moment ago."""
        is_new = event.kind == "version.created" and not event.details.get("parked")
        if is_new and event.session is not None:
            self.turnstile.schedule(SessionId(event.session))

    def look(self) -> None:
        """Plan what was missed."""
        try:
            for session in self.hooks.due():
                self.turnstile.schedule(session)
        except ExpokeepError as error:
            log.debug("missed hooks not looked for", error=str(error))

    def handle(self, session: SessionId) -> None:
        """Run the command on the newest version of a session, if nobody did."""
        command = " ".join(self.parts.settings.hooks.on_version)
        try:
            seq = self.hooks.claim(session, command)
            if seq is None:
                return
            result = self._run(session, seq)
            if result is not None:
                self.hooks.finish(session, seq, msgspec.structs.asdict(result))
        except ExpokeepError as error:
            log.warning("hook put off", session=session, error=str(error))
            self.turnstile.schedule(session, AGAIN_AFTER_S)
            return
        if result is not None:
            self._tell(session, seq, result)

    def stop(self) -> None:
        """End what is under way; it is run anew after the next start."""
        self._stopping.set()
        with self._lock:
            for runner in self._runners:
                _let_go(runner)

    def _run(self, session: SessionId, seq: int) -> Result | None:
        """Run the command in a process of its own; None if we stop meanwhile."""
        uid = self._uids.get()
        try:
            job = job_of(self.parts.settings, session, seq, uid)
            with self._runner() as runner:
                assert runner.stdin is not None  # noqa: S101 - asked for above
                with contextlib.suppress(BrokenPipeError):
                    runner.stdin.write(msgspec.json.encode(job) + b"\n")
                    runner.stdin.flush()
                answer = _answer(runner, 2 * job.limits.timeout_s + _TO_TIDY_UP_S)
        finally:
            self._uids.put(uid)
        if self._stopping.is_set():
            return None
        try:
            return msgspec.json.decode(answer, type=Result)
        except (msgspec.MsgspecError, RecursionError, ValueError):
            return Result(outcome="killed", reason="its runner ended without a word")

    @contextlib.contextmanager
    def _runner(self) -> "Iterator[subprocess.Popen[bytes]]":
        command = [sys.executable, "-I", "-m", "expokeep.runner"]
        runner = subprocess.Popen(  # noqa: S603 - a list of our own words, no shell
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=_ENVIRONMENT,
            cwd="/",
            start_new_session=True,
        )
        with self._lock:
            self._runners.add(runner)
            if self._stopping.is_set():
                _let_go(runner)
        try:
            with runner:
                yield runner
        finally:
            with self._lock:
                self._runners.discard(runner)

    def _tell(self, session: SessionId, seq: int, result: Result) -> None:
        said: dict[str, object] = {"outcome": result.outcome, "took_s": result.took_s}
        if result.status is not None:
            said["status"] = result.status
        if result.reason:
            said["reason"] = result.reason
        failed = result.outcome in ("refused", "not restored", "no room")
        say = log.warning if failed else log.info
        say("hook ended", session=session, version=seq, **said)
        self.parts.events.publish("hook.done", session, seq=seq, **said)


def job_of(settings: Settings, session: SessionId, seq: int, uid: int) -> Job:
    """Return what a runner is told."""
    hooks = settings.hooks
    return Job(
        session=session,
        seq=seq,
        command=hooks.on_version,
        socket=str(settings.socket.path),
        scratch=str(settings.state_dir / "hooks"),
        uid=uid,
        readable=tuple(str(path) for path in hooks.readable),
        limits=Limits(
            timeout_s=hooks.timeout_s,
            cpu_s=max(1, round(hooks.cpu_time_s)),
            memory_bytes=hooks.memory_bytes,
            file_size_bytes=hooks.file_size_bytes,
            processes=hooks.processes,
        ),
        min_free_bytes=settings.spool.min_free_bytes,
    )


def _answer(runner: "subprocess.Popen[bytes]", within_s: float) -> bytes:
    """Return what a runner says before it ends; end it where it does not."""
    assert runner.stdout is not None  # noqa: S101 - asked for by `_runner`
    deadline_s = clock.monotonic_s() + within_s
    poll = select.poll()
    poll.register(runner.stdout, select.POLLIN)
    said = b""
    while (left_s := deadline_s - clock.monotonic_s()) > 0:
        if not poll.poll(left_s * 1000):
            continue
        data = os.read(runner.stdout.fileno(), _ANSWER_BYTES)
        said += data
        if not data or len(said) > _ANSWER_BYTES:
            break
    else:
        runner.kill()
    return said


def _let_go(runner: "subprocess.Popen[bytes]") -> None:
    """Close a runner's input: it ends the command, tidies up, and ends."""
    with contextlib.suppress(OSError):
        if runner.stdin is not None:
            runner.stdin.close()
