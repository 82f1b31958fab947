"""A whole installation, from an empty machine over an upgrade to the last `make`."""

import os
from pathlib import Path

import pytest
from psycopg.conninfo import conninfo_to_dict

from booting import machine
from furnishing import CHECKOUT, PROGRAM
from installing import INSTALL_S
from packaged import DAEMON, POSTGRES, QUICK, Packaged

SOURCE = Path("/srv/expokeep")
OURS = ("EXPOKEEP_", "R2_", "DATABASE_URL", "AWS_", "PYTHON", "VIRTUAL_ENV")


@pytest.fixture(scope="module")
def bare(prepare_site):
    """A machine with a checkout of ours, and nothing else."""
    with prepare_site() as site:
        host = str(conninfo_to_dict(site.database_url).get("host", ""))
        binds = {Path(host): POSTGRES} if host.startswith("/") else {}
        with machine({**binds, CHECKOUT: SOURCE}) as booted:
            for name in ("packages", "checkout"):
                booted.do("umount", PROGRAM / name)
            booted.do("rm", "-r", PROGRAM)
            booted.do("rm", "/usr/local/bin/expokeep", "/usr/local/bin/expokeepd")
            yield Packaged(booted, site)


def make(host: Packaged, target: str) -> str:
    """Run `make TARGET` in the machine, with what pip is told on this side."""
    told = [
        f"{name}={value}"
        for name, value in os.environ.items()
        if not name.startswith(OURS) and name not in ("PATH", "HOME", "TMPDIR")
    ]
    command = ["env", "HOME=/root", *told, "make", "-C", str(SOURCE), target]
    done = host.machine.run(*command, timeout_s=INSTALL_S)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def release(host: Packaged) -> str:
    return host.machine.do("readlink", PROGRAM).strip()


@pytest.mark.long
@pytest.mark.timeout(1800)
def test_one_file_and_two_credentials_and_it_keeps_sessions(bare):
    said = make(bare, "install")
    for step in ("config validate", "db migrate", "systemctl enable", "doctor"):
        assert step in said
    assert bare.machine.show(DAEMON, "LoadState") == {"LoadState": "loaded"}
    owned = bare.machine.do("stat", "-c", "%a %U", "/etc/expokeep/credentials")
    assert owned == "700 root\n"

    bare.machine.write("/etc/sysusers.d/app.conf", "u app - - /srv/app\n")
    bare.machine.do("systemd-sysusers")
    bare.configure(QUICK)
    bare.credential("secret-access-key", bare.site.seaweed.secret_access_key)
    bare.credential("database-url", bare._database_url())
    bare.connect()
    bare.machine.do("expokeep", "config", "validate", "/etc/expokeep/expokeep.yaml")
    bare.machine.run("systemctl", "start", "run-postgresql.mount")
    told = "CREDENTIALS_DIRECTORY=/etc/expokeep/credentials"
    assert "schema" in bare.machine.do("env", told, "expokeep", "db", "migrate")
    bare.machine.do("systemctl", "enable", "--now", DAEMON)
    sid, directory = bare.session()
    bare.make(directory, {"package.json": "{}", "App.js": "export 1"})
    assert bare.ask("save", sid)["version"] == 1
    completed = bare.machine.do(
        *("bash", "-c", "source /usr/local/share/bash-completion/completions/expokeep"),
    )
    assert completed == ""

    # An upgrade: what runs goes on, as what it was, until it is restarted.
    pid, before = bare.machine.main_pid(DAEMON), release(bare)
    assert "systemctl restart expokeepd" in make(bare, "install")
    assert bare.machine.main_pid(DAEMON) == pid
    assert release(bare) != before
    (directory / "App.js").write_text("export 2")
    assert bare.ask("save", sid)["version"] == 2
    assert before in bare.machine.do("cat", f"/proc/{pid}/cmdline")
    bare.restart()
    pid = bare.machine.main_pid(DAEMON)
    assert release(bare) in bare.machine.do("cat", f"/proc/{pid}/cmdline")
    make(bare, "install")
    kept = bare.machine.do("ls", f"{PROGRAM}-releases").split()
    assert len(kept) == 2
    assert Path(before).name not in kept

    assert "/var/lib/expokeep" in make(bare, "uninstall")
    assert bare.machine.state(DAEMON) == "inactive"
    assert bare.machine.show(DAEMON, "LoadState") == {"LoadState": "not-found"}
    left = bare.machine.do(
        *("find", "/usr/local", "/etc/systemd/system", "-name", "*expokeep*"),
    )
    assert set(left.split()) <= {f"/etc/systemd/system/{DAEMON}.d"}  # the test's own
    for place in ("/etc/expokeep/expokeep.yaml", "/var/lib/expokeep/spool"):
        bare.machine.do("test", "-e", place)
    assert bare.machine.do("id", "-un", "expokeep") == "expokeep\n"
