"""Does things to many sessions at once, under one daemon that dies and comes back.

What is done in which order follows from the seed alone; what it meets on the way, such
as how far the daemon has come, does not.
"""

import contextlib
import random
import shutil
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from daemons import Daemon, daemon_on
from expokeep.control.client import Client, segment
from expokeep.errors import ExpokeepError
from soak.deeds import PACE, Directory, state_of
from soak.model import Session
from soak.servers import Servers, prepared
from soak.verdict import Kept, differences, opened

SETTINGS = """\
debounce: {quiet: 200ms, max-wait: 1s, deletion-grace: 2s}
storage: {retries: 2, retry-max-delay: 500ms}
shutdown: {flush-timeout: 30s}
"""
UNREACHABLE = 17
REST_S = 0.6
"""Between two visits to one session, at least: longer than the daemon's own quiet."""
WORK = {"edit": 60, "flush": 14, "save": 10, "end": 6, "compare": 4}
NEXT = {"restored": 5, "template": 3, "fragment": 2, "back": 2}
"""What follows on a directory that was removed."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How long, how much, and how often something breaks."""

    seed: int
    sessions: int
    length_s: float
    upset_every_s: float = 12.0
    """Between two of: a kill of the daemon, of Postgres, an outage of the bucket."""
    upsets: int = 0
    """So many of them there are at least, however long a slow machine takes."""
    brings_back: int = 1_000
    """So many heads are restored in the end."""


@dataclass
class Soak:
    """One run under way."""

    plan: Plan
    servers: Servers
    daemon: Daemon
    kept: Kept
    tell: Callable[[str], None]

    def __post_init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.found: list[str] = []
        self.log = ""
        self.directories = [
            Directory(Session(f"s{number:04}"), self._place(number))
            for number in range(self.plan.sessions)
        ]
        self._client = Client(self.daemon.state / "control.sock", 30.0)
        self._is_out = False

    def _place(self, number: int):
        return self.servers.site.watch / f"expo-s{number:04}"

    def run(self) -> None:
        """Do everything, and find out whether it came out right."""
        for step, directory in enumerate(self.directories):
            directory.appear("first", self._chance(-1 - step))
        self.daemon.start()
        began_s = time.monotonic()
        upset_s, step = began_s + self.plan.upset_every_s, 0
        order = self._order()
        while (
            now_s := time.monotonic()
        ) < began_s + self.plan.length_s or self._upsets() < self.plan.upsets:
            chance = self._chance(step)
            if now_s > upset_s:
                self._upset(chance)
                upset_s = time.monotonic() + self.plan.upset_every_s
            self._visit(next(order), chance)
            step += 1
            PACE.wait(max(0.002, 2 * REST_S / self.plan.sessions))
        self._come_to_rest()
        self.found += differences(self)

    def _upsets(self) -> int:
        return sum(self.counts[deed] for deed in self.counts if deed[:5] == "upset")

    def _chance(self, step: int) -> random.Random:
        return random.Random(f"{self.plan.seed} {step}")

    def _order(self) -> Iterator[Directory]:
        """Yield sessions in a random order that leaves each of them some rest."""
        chance = self._chance(10**9)
        waiting = list(self.directories)
        half = len(waiting) // 2
        while True:
            one = waiting.pop(chance.randrange(half))
            waiting.append(one)
            yield one

    def _visit(self, directory: Directory, chance: random.Random) -> None:
        if directory.session.life is None:
            deed = chance.choices(list(NEXT), list(NEXT.values()))[0]
        else:
            deed = chance.choices(list(WORK), list(WORK.values()))[0]
        self.counts[deed] += 1
        getattr(self, f"_{deed}")(directory, chance)

    def _edit(self, directory: Directory, chance: random.Random) -> None:
        directory.edit(chance)

    def _end(self, directory: Directory, chance: random.Random) -> None:
        directory.tear_down(chance)

    def _template(self, directory: Directory, chance: random.Random) -> None:
        directory.appear("template", chance)

    def _fragment(self, directory: Directory, chance: random.Random) -> None:
        directory.appear("fragment", chance)

    def _flush(self, directory: Directory, _chance: random.Random) -> None:
        """Ask for all to be captured and recorded; believe it if it is said so."""
        body = {"session": directory.session.sid, "wait": True, "timeout_s": 10.0}
        answer = self._ask("/v1/flush", body)
        if answer.get("pending") == answer.get("unsaved") == 0:
            directory.settled()
            self.counts["settled"] += 1

    def _save(self, directory: Directory, _chance: random.Random) -> None:
        """Save as a person does, and look at the version that comes of it."""
        path = f"/v1/sessions/{segment(directory.session.sid)}/save"
        answer = self._ask(path, {"message": "soak"})
        if answer.get("exit_code") == UNREACHABLE:
            directory.settled()  # not recorded, but safe in the spool
            self.counts["safe in the spool"] += 1
        if "exit_code" in answer or answer["skipped"]:
            return
        directory.settled(by_a_person=answer["state"] != "unchanged")
        self.counts["saved"] += 1
        seq = answer["version"]
        with contextlib.suppress(ExpokeepError):  # Postgres is away just now
            kept = self.kept.state(directory.session.sid, seq)
            if unlike := kept.items() ^ directory.life.state.items():
                name = f"{directory.session.sid}@{seq}, {answer['state']} by a save"
                times = ", ".join(burst.began for burst in directory.life.bursts)
                self.found.append(f"{name}: {sorted(unlike)}, bursts at {times}")

    def _compare(self, directory: Directory, chance: random.Random) -> None:
        """Restore a version to elsewhere; what it should be is looked at in the end."""
        self.restored(directory, chance.choice(["", "@1", "@-1"]))

    def _restored(self, directory: Directory, chance: random.Random) -> None:
        """Restore to the session's own directory, as the app does."""
        self._bring_back(directory, chance, ())

    def _back(self, directory: Directory, chance: random.Random) -> None:
        """The same as before the start of the app: only if it is missing."""
        self._bring_back(directory, chance, ("--if-missing",))

    def _bring_back(
        self, directory: Directory, chance: random.Random, flags: tuple[str, ...]
    ) -> None:
        version = directory.session.sid + chance.choice(["", "", "@1"])
        done = self.daemon.cli("restore", version, *flags)
        if done.returncode == 0:
            self.counts["brought back"] += 1
            directory.begin("restored", directory.on_disk())
        elif directory.place.exists():
            self.found.append(f"a restore that failed left something: {done.stderr}")
        elif done.returncode not in {10, 16, 17}:
            self.found.append(f"restore {version} ended so: {done.stderr}")

    def restored(self, directory: Directory, which: str) -> dict[str, str] | None:
        """Return what a version is once it is restored to elsewhere."""
        target = self.servers.site.top / "elsewhere"
        version = f"{directory.session.sid}{which}"
        done = self.daemon.cli("restore", version, "--to", target)
        if done.returncode != 0:
            return None
        try:
            return state_of(target)
        finally:
            shutil.rmtree(target)

    def _ask(self, path: str, body: dict[str, object]) -> dict[str, object]:
        try:
            *_, answer = self._client.lines("POST", path, body)
        except ExpokeepError as error:
            self.counts[f"refused with {error.exit_code}"] += 1
            return {"exit_code": error.exit_code}
        return answer

    def _upset(self, chance: random.Random) -> None:
        """Break something, go on for a while, and mend it."""
        deed = chance.choice(
            ["daemon", "postgres", "killed", "bucket", "bucket, daemon"]
        )
        self.counts[f"upset: {deed}"] += 1
        relay = self.servers.site.relay
        if deed == "daemon":
            self.daemon.kill()
        elif deed.startswith("bucket"):
            relay.go_down()
        else:
            self.servers.stop_postgres(kill=deed == "killed")
        self._go_on(chance, saves=deed != "daemon")
        if deed == "bucket, daemon":
            self.daemon.kill()
        if deed.endswith("daemon"):
            self.daemon.start()
        if deed.startswith("bucket"):
            relay.come_back()
        elif deed != "daemon":
            self.servers.start_postgres()

    def _go_on(self, chance: random.Random, *, saves: bool) -> None:
        """Edit this and that for a while; save now and then, if somebody listens."""
        until_s = time.monotonic() + chance.uniform(0.2, 3.0)
        while time.monotonic() < until_s:
            directory = chance.choice(self.directories)
            if directory.session.life is not None:
                directory.edit(chance)
                if saves and chance.random() < 0.1:
                    self._save(directory, chance)
            PACE.wait(0.02)

    def _come_to_rest(self) -> None:
        """Let everything be recorded, and let nothing happen any more."""
        self.tell("coming to rest")
        body = {"session": None, "wait": True, "timeout_s": 120.0}
        answer = None
        with contextlib.suppress(ExpokeepError):
            client = Client(self.daemon.state / "control.sock", 150.0)
            *_, answer = client.lines("POST", "/v1/flush", body)
        if answer is None or answer["pending"] or answer["unsaved"]:
            self.found.append(f"it does not come to rest: {answer}")
        for directory in self.directories:
            if directory.session.life is not None:
                if directory.on_disk() != directory.life.state:
                    self.found.append(f"the model of {directory.session.sid} is wrong")
                self._save(directory, self._chance(0))


def soaked(plan: Plan, tell: Callable[[str], None] = lambda _: None) -> Soak:
    """Run a soak to its end; what it found wrong is in `found`."""
    with (
        prepared() as servers,
        daemon_on(servers.site, settings=SETTINGS) as daemon,
        opened(servers.site) as kept,
    ):
        soak = Soak(plan, servers, daemon, kept, tell)
        soak.run()
        if daemon.stop() != 0:
            soak.found.append("the daemon did not end well")
        soak.log = daemon.log
        if "Traceback" in daemon.log:
            soak.found.append(daemon.log[daemon.log.index("Traceback") :][:3000])
        return soak
