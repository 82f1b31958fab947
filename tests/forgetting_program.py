"""One process of the stress test of forgetting: a host that keeps, or a warden.

`python forgetting_program.py ROLE` with a wish as JSON on stdin; what was acknowledged
comes as JSON on stdout. All chance comes from the seed, all that is kept from a small
stock of contents that every host has: whatever dies is soon wanted again.
"""

import hashlib
import json
import os
import random
import shutil
import subprocess
import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from pathlib import Path

from expokeep import clock, log
from expokeep.catalog.connection import Database
from expokeep.catalog.maintaining import MaintenanceLock
from expokeep.catalog.postgres import PostgresCatalog
from expokeep.catalog.values import ReuseGone
from expokeep.errors import Busy, ExpokeepError
from expokeep.model.names import SessionId
from expokeep.store.s3 import S3Settings, S3Store
from journeys import Keeper, seen_in
from retaining import Warden

STOCK = 60
PURGED_WITHIN_S = 4.0
ENDS_WITHIN_S = 60.0
SEED = os.environ.get("EXPOKEEP_SEED", "20261124")
SIZES = (0, 40, 700, 5000, 5000, 30_000, 200_000)


def contents(number: int) -> bytes:
    """Return one of the contents that all hosts have."""
    if number == 0:
        return random.Random(0).randbytes(1_200_000)
    return random.Random(number).randbytes(SIZES[number % len(SIZES)] + number)


def fingerprint(seen) -> str:
    """Return what tells one tree from every other."""
    return hashlib.sha256(repr(sorted(seen.items())).encode()).hexdigest()


@dataclass(frozen=True)
class Started:
    """A process that is at it, and the file that it writes what it has to say to."""

    process: subprocess.Popen
    said: Path

    @property
    def is_at_it(self) -> bool:
        return self.process.poll() is None

    def told(self) -> dict:
        """Wait for its end, and return what it has to say."""
        assert self.process.wait(ENDS_WITHIN_S) == 0
        return json.loads(self.said.read_text())


def started(
    role: str, name: str, top: Path, dsn: str, s3: S3Settings, *, duration_s: float
) -> Started:
    """Start a host or a warden."""
    wish = {
        "name": name,
        "seed": SEED,
        "top": str(top),
        "dsn": dsn,
        "s3": asdict(s3),
        "duration_s": duration_s,
    }
    said = top / f"{name}.said"
    with said.open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, __file__, role],
            stdin=subprocess.PIPE,
            stdout=out,
            text=True,
        )
    process.stdin.write(json.dumps(wish))
    process.stdin.close()
    return Started(process, said)


@dataclass
class Host:
    """Keeps a few sessions, restores what was kept, deletes and begins anew."""

    keeper: Keeper
    warden: Warden
    name: str
    chance: random.Random
    kept: dict[str, dict[int, str]] = field(default_factory=dict)
    """What each acknowledged version looked like."""
    sessions: list[SessionId] = field(default_factory=list)
    did: Counter = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)

    def run(self, duration_s: float) -> None:
        """Do what comes to mind until the time is over."""
        until_s = clock.monotonic_s() + duration_s
        acts = (self.save, self.late, self.restore, self.delete)
        while clock.monotonic_s() < until_s:
            if len(self.sessions) < 3:
                self.begin()
            act = self.chance.choices(acts, (70, 10, 14, 6))[0]
            try:
                act(self.chance.choice(self.sessions))
            except ExpokeepError as error:
                self.did[f"{act.__name__}: {type(error).__name__}"] += 1
                if not error.transient or isinstance(error, ReuseGone):
                    self.wrong.append(f"{act.__name__}: {error!r}")
            else:
                self.did[act.__name__] += 1

    def begin(self) -> SessionId:
        """Begin a session."""
        session = SessionId(f"{self.name}-{len(self.kept)}")
        self.sessions.append(session)
        self.kept[session] = {}
        home = self.keeper.home(session)
        home.mkdir()
        (home / "package.json").write_bytes(b"{}")
        for number in self.chance.sample(range(STOCK), 8):
            (home / f"f{number % 12}.js").write_bytes(contents(number))
        return session

    def save(self, session: SessionId) -> None:
        """Change something, and keep it."""
        seen = self.edit(session)
        trigger = "save" if self.chance.random() < 0.9 else "auto"
        version = self.keeper.save(session, trigger=trigger)
        if version is not None:
            self.kept[session][version.seq] = seen

    def late(self, session: SessionId) -> None:
        """Seal what another session has, and ship it when both of them are gone.

        Whatever it counts on must outlive the session that it was taken from.
        """
        lender = self.begin()
        for number in range(3):
            own = self.chance.randbytes(3000)
            (self.keeper.home(lender) / f"lent{number}.bin").write_bytes(own)
        self.save(lender)
        home = self.keeper.home(session)
        for lent in self.keeper.home(lender).glob("lent*"):
            shutil.copy(lent, home)
        seen = fingerprint(seen_in(home, times=False))
        sealed = self.keeper.look(session, believes_deletions=True).sealed
        self.warden.deletions.delete(lender)
        self.sessions.remove(lender)
        away = home.rename(home.with_name(f"away-{session}"))
        try:
            self._until_purged(lender, session)
            if sealed is not None:
                (shipped,) = self.keeper.ship(session)
                self.kept[session][shipped.version.seq] = seen
        finally:
            away.rename(home)

    def _until_purged(self, lender: SessionId, but: SessionId) -> None:
        """Go on with all sessions but one until another is gone, and a bit longer."""
        until_s = clock.monotonic_s() + PURGED_WITHIN_S
        others = [session for session in self.sessions if session != but]
        others = others or [self.begin()]
        while self.keeper.catalog.versions(lender) and clock.monotonic_s() < until_s:
            self.save(self.chance.choice(others))
        for other in others:
            self.save(other)

    def edit(self, session: SessionId) -> str:
        """Change something; return what tells what is there now."""
        home = self.keeper.home(session)
        for _ in range(self.chance.randint(1, 3)):
            path = home / f"f{self.chance.randrange(12)}.js"
            if path.exists() and self.chance.random() < 0.2:
                path.unlink()
            else:
                path.write_bytes(contents(self.chance.randrange(STOCK)))
        return fingerprint(seen_in(home, times=False))

    def restore(self, session: SessionId) -> None:
        """Bring back a version of anybody's, and compare it if it is ours."""
        versions = self.keeper.catalog.versions(session, limit=200)
        if not versions:
            return
        version = self.chance.choice(versions)
        target = self.keeper.top / "look"
        try:
            self.keeper.restore(f"{session}@{version.seq}", target)
        except ExpokeepError as error:
            # It may have been forgotten, or its session purged, while it came.
            if self._is_kept(session, version.seq):
                self.wrong.append(f"restore {session}@{version.seq}: {error!r}")
            return
        expected = self.kept[session].get(version.seq)
        found = fingerprint(seen_in(target, times=False))
        shutil.rmtree(target)
        if expected not in (None, found):
            self.wrong.append(f"{session}@{version.seq} is another tree")

    def delete(self, session: SessionId) -> None:
        """Delete a session; change our mind half of the time, if it is not too late."""
        deletions = self.warden.deletions
        deletions.delete(session)
        if self.chance.random() < 0.5 and deletions.undelete(session):
            return
        self.sessions.remove(session)
        shutil.rmtree(self.keeper.home(session))

    def _is_kept(self, session: SessionId, seq: int) -> bool:
        row = self.keeper.catalog.session(session)
        known = self.keeper.catalog.versions(session, limit=1000)
        return row is not None and seq in {version.seq for version in known}


@dataclass
class Sweeping:
    """Forgets, merges and collects, as the daemon that holds the lock does."""

    warden: Warden
    lock: MaintenanceLock
    chance: random.Random
    did: Counter = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)

    def run(self, duration_s: float) -> None:
        """Do it until the time is over."""
        until_s = clock.monotonic_s() + duration_s
        acts = (self.forget, self.warden.merge, self.collect)
        while clock.monotonic_s() < until_s:
            act = self.chance.choice(acts)
            try:
                with self.lock.held():
                    act()
            except Busy:
                self.did["busy"] += 1
            except ExpokeepError as error:
                self.did[f"{act.__name__}: {type(error).__name__}"] += 1
                self.wrong.append(f"{act.__name__}: {error!r}")
            else:
                self.did[act.__name__] += 1

    def forget(self) -> None:
        """Forget all but a few."""
        forgotten = self.warden.forget(last=self.chance.choice((2, 6)))
        self.did["forgotten"] += sum(len(found.seqs) for found in forgotten)

    def collect(self) -> None:
        """Collect without any grace."""
        self.did["deleted"] += self.warden.collect().swept.deleted


def main() -> None:
    role, wish = sys.argv[1], json.load(sys.stdin)
    log.configure(level="error", as_json=True)
    chance = random.Random(f"{wish['seed']}-{wish['name']}")
    top = Path(wish["top"]) / wish["name"]
    top.mkdir()
    store = S3Store(S3Settings(**wish["s3"]))
    catalog = PostgresCatalog(Database(wish["dsn"]))
    with ThreadPoolExecutor(4) as pool:
        warden = Warden(catalog, store, top / "warden", pool, fan=4)
        if role == "host":
            keeper = Keeper(catalog, store, top, pool)
            catalog.heartbeat(keeper.host, lease_s=600)
            one = Host(keeper, warden, wish["name"], chance)
        else:
            one = Sweeping(warden, MaintenanceLock(catalog.database), chance)
        one.run(wish["duration_s"])
    catalog.close()
    store.close()
    told = {"did": one.did, "wrong": one.wrong, "kept": getattr(one, "kept", {})}
    json.dump(told, sys.stdout)


if __name__ == "__main__":
    main()
