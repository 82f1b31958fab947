"""expokeep as it is packaged: its units under a real systemd, on servers of the tests."""

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
from furnishing import CHECKOUT
from daemons import Site, until, write

UNITS = CHECKOUT / "systemd"
DAEMON = "expokeepd.service"
CREDENTIALS = "/etc/expokeep/credentials"
POSTGRES = Path("/srv/postgresql")
SESSIONS_UNIT = """\
[Service]
Type=exec
User=app
ExecStart=/usr/bin/sleep infinity
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
        self.drop_ins: list[str] = []

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
        self.drop_ins.append(path)
        self.machine.do("systemctl", "daemon-reload")

    def reset(self) -> None:
        """End the daemon and sessions, and forget what a test has changed."""
        self.machine.run("systemctl", "stop", "expo@*", "--all")
        self.machine.run("systemctl", "kill", "--signal=KILL", DAEMON)
        self.machine.run("systemctl", "stop", DAEMON)
        for path in self.drop_ins:
            self.machine.path(path).unlink()
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
        account = self.machine.path("/etc/passwd").read_text()
        uid = next(
            int(line.split(":")[2])
            for line in account.splitlines()
            if line.startswith("app:")
        )
        write(directory, files)
        for top, _, names in os.walk(directory):
            for path in (Path(top), *(Path(top, name) for name in names)):
                os.chown(path, uid, uid)

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
