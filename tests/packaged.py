"""expokeep as it is packaged: its units under a real systemd, on the tests' servers."""

import contextlib
import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

from psycopg.conninfo import conninfo_to_dict

from booting import Machine, machine
from daemons import Site, until, write
from furnishing import CHECKOUT

UNITS = CHECKOUT / "systemd"
DAEMON = "expokeepd.service"
CREDENTIALS = "/etc/expokeep/credentials"
_HAS_STOPPED = "9d1aaa27d60140bd96365438aad20286"
"""What systemd writes into the journal when a unit has stopped."""
POSTGRES = Path("/srv/postgresql")
SESSIONS_UNIT = """\
[Service]
Type=exec
User=app
ExecStart=/bin/sh -c 'ls /tmp/expo-%i; exec sleep infinity'
"""
"""What an application has for its sessions; `expo@.service` of the site."""

QUICK = """\
debounce: {quiet: 200ms, max-wait: 1s, deletion-grace: 1s}
"""


class Packaged:
    """A machine with everything installed, on a site of its own."""

    def __init__(self, machine: Machine, site: Site) -> None:
        self.machine = machine
        self.site = site
        self.drop_ins: set[str] = set()

    def install(self) -> None:
        """Put what `make install` puts, and what an operator does after it."""
        for unit in (*UNITS.glob("*.service"), *UNITS.glob("*.service.d/*.conf")):
            inside = f"/etc/systemd/system/{unit.relative_to(UNITS)}"
            self.machine.write(inside, unit.read_text())
        for kind in ("sysusers", "tmpfiles"):
            text = (UNITS / f"expokeep.{kind}.conf").read_text()
            self.machine.write(f"/etc/{kind}.d/expokeep.conf", text)
        self.machine.write("/etc/sysusers.d/app.conf", "u app - - /srv/app\n")
        self.machine.do("systemd-sysusers")
        self.machine.do("systemd-tmpfiles", "--create", "expokeep.conf")
        self.machine.do("mkdir", "-p", "/srv/app")
        self.machine.write("/etc/systemd/system/expo@.service", SESSIONS_UNIT)
        self.configure(QUICK)
        keys = self.site.seaweed
        self.credential("secret-access-key", keys.secret_access_key)
        self.credential("database-url", self._database_url())
        self.connect()

    def configure(self, settings: str) -> None:
        """Write the configuration."""
        storage = {
            "endpoint": self.site.relay.url,
            "bucket": self.site.bucket,
            "access-key-id": self.site.seaweed.access_key_id,
            "retries": 1,
            "retry-max-delay": "200ms",
        }
        text = f"storage: {json.dumps(storage)}\naddr: ''\n{settings}"
        self.machine.write("/etc/expokeep/expokeep.yaml", text)

    def credential(self, name: str, value: str) -> Path:
        """Write the file of a secret."""
        return self.machine.write(f"{CREDENTIALS}/{name}", value + "\n", 0o600)

    def connect(self) -> None:
        """Make Postgres reachable where Debian has it, now and after each boot."""
        if self._own_postgres():
            unit = "run-postgresql.mount"
            path = f"/etc/systemd/system/{unit}"
            text = f"[Mount]\nWhat={POSTGRES}\nWhere=/run/postgresql\nOptions=bind\n"
            self.machine.write(path, text)
            wanted = f"[Unit]\nWants={unit}\nAfter={unit}\n"
            drop_in = f"/etc/systemd/system/{DAEMON}.d/10-postgresql.conf"
            self.machine.write(drop_in, wanted)
        self.machine.do("systemctl", "daemon-reload")

    def drop_in(self, unit: str, text: str) -> None:
        """Add to a unit what an operator would by `systemctl edit`."""
        path = f"/run/systemd/system/{unit}.d/50-test.conf"
        self.machine.write(path, text)
        self.drop_ins.add(path)
        self.machine.do("systemctl", "daemon-reload")

    def reset(self) -> None:
        """End the daemon and sessions, and forget what a test has changed."""
        self.machine.run("systemctl", "stop", "expo@*", "--all")
        self.machine.run("systemctl", "kill", "--signal=KILL", DAEMON)
        self.machine.run("systemctl", "stop", DAEMON)
        for path in self.drop_ins:
            self.machine.path(path).unlink(missing_ok=True)
        self.drop_ins.clear()
        self.site.relay.come_back()
        self.install()
        self.machine.run("systemctl", "reset-failed")
        for one in self.machine.path("/tmp").glob("expo-*"):
            shutil.rmtree(one)

    def start(self) -> None:
        """Start the daemon, and wait until systemd says that it is active."""
        done = self.machine.run("systemctl", "start", DAEMON)
        assert done.returncode == 0, self.story(DAEMON)

    def restart(self) -> None:
        """End the daemon in an orderly way, and start it again."""
        self.machine.do("systemctl", "restart", DAEMON)

    def sub_state(self) -> str:
        """Return `running`, `auto-restart`, ..."""
        return self.machine.show(DAEMON, "SubState")["SubState"]

    def restarts(self) -> int:
        """Return how often systemd has started the daemon again."""
        return int(self.machine.show(DAEMON, "NRestarts")["NRestarts"])

    def status_text(self) -> str:
        """Return what the daemon tells systemd of how it goes."""
        return self.machine.show(DAEMON, "StatusText")["StatusText"]

    def stopped(self, start: str) -> list[str]:
        """Return the units that begin so, in the order in which they stopped."""
        ended = [
            entry["UNIT"]
            for entry in self.machine.journal()
            if entry.get("MESSAGE_ID") == _HAS_STOPPED
        ]
        return [unit for unit in ended if unit.startswith(start)]

    def story(self, unit: str = DAEMON) -> str:
        """Return the end of a unit's journal."""
        return self.machine.story(unit)[-6000:]

    def cli(self, *words: str | Path) -> Any:
        """Run `expokeep WORDS` as root to its end."""
        return self.machine.run("expokeep", *words)

    def ask(self, *words: str | Path) -> dict[str, Any]:
        """Return the document that `expokeep WORDS --json` ends with."""
        lines = self.machine.do("expokeep", *words, "--json").splitlines()
        answer: dict[str, Any] = json.loads(lines[-1])
        return answer

    def session(self, name: str = "s") -> tuple[str, Path]:
        """Return the id of a new session, and where its directory is to be."""
        sid, _ = self.site.session(name)
        return sid, self.machine.path(f"/tmp/expo-{sid}")

    def make(self, directory: Path, files: dict[str, str]) -> None:
        """Make a project as the application does: its files are the user's."""
        uid = self.app_uid()
        write(directory, files)
        for top, _, names in os.walk(directory):
            for path in (Path(top), *(Path(top, name) for name in names)):
                os.chown(path, uid, uid)

    def app_uid(self) -> int:
        """Return the number of the application's user."""
        accounts = self.machine.path("/etc/passwd").read_text().splitlines()
        return next(
            int(one.split(":")[2]) for one in accounts if one.startswith("app:")
        )

    def remove(self, directory: Path) -> None:
        """Remove a project, and wait until the daemon has seen that."""
        sid = directory.name.removeprefix("expo-")
        shutil.rmtree(directory)

        def is_listed() -> bool:
            return any(one["session"] == sid for one in self.ask("status")["sessions"])

        until(lambda: not is_listed(), f"{sid} ended")

    def await_versions(self, sid: str, count: int) -> list[dict[str, Any]]:
        """Wait until a session has so many versions."""
        try:
            return until(
                lambda: rows if len(rows := self.site.versions(sid)) >= count else None,
                f"{count} versions of {sid}",
            )
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.story()}") from error

    def _own_postgres(self) -> dict[str, Any]:
        """Return the DSN's parts, if it is on a socket of this computer."""
        parts = conninfo_to_dict(self.site.database_url)
        return parts if str(parts.get("host", "")).startswith("/") else {}

    def _database_url(self) -> str:
        parts = self._own_postgres()
        if not parts:
            return self.site.database_url
        who = f"{parts['user']}:{quote(str(parts['password']), safe='')}"
        where = f"{quote('/run/postgresql', safe='')}:{parts['port']}"
        return f"postgresql://{who}@{where}/{parts['dbname']}"


@contextlib.contextmanager
def packaged(site: Site) -> Iterator[Packaged]:
    """Boot a machine on which everything is installed, and nothing started."""
    host = str(conninfo_to_dict(site.database_url).get("host", ""))
    binds = {Path(host): POSTGRES} if host.startswith("/") else {}
    with machine(binds) as booted:
        made = Packaged(booted, site)
        made.install()
        yield made
