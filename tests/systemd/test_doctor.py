"""What is wrong with the units of a machine, found under a real systemd."""

import json

import pytest

from daemons import until
from packaged import DAEMON

CREDENTIAL = "/etc/expokeep/credentials/secret-access-key"
UNIT = "[Service]\nTimeoutStopSec=30\nWatchdogSec=0\nRestart=on-failure\n"
AGEING = "q /tmp 1777 root root 10d\n"


def looked(host, *words):
    """Return what is found, by code, the worst of each; some may be errors."""
    done = host.cli("doctor", "--json", *words)
    assert done.returncode in {0, 1}, done.stderr
    order = ["ok", "warning", "error"]
    found = {}
    for one in json.loads(done.stdout)["checks"]:
        before = found.setdefault(one["code"], one)
        if order.index(one["state"]) > order.index(before["state"]):
            found[one["code"]] = one
    return found


def test_the_units_as_they_are_packaged_are_well(host):
    host.start()
    found = looked(host)

    wrong = {code: one for code, one in found.items() if one["state"] == "error"}
    assert not wrong
    well = ("timeoutstopsec", "watchdogsec", "restart", "privatetmp", "daemons-tmp")
    assert {found[code]["state"] for code in well} == {"ok"}
    well = ("foreign-sessions", "daemons-user", "spools-disk", "secrets", "open-files")
    assert {code: found[code]["state"] for code in well} == dict.fromkeys(well, "ok")


def test_units_that_kill_too_soon_hide_tmp_and_let_it_age(host):
    host.drop_in(DAEMON, UNIT)
    host.drop_in("expo@.service", "[Service]\nPrivateTmp=yes\n")
    host.machine.write("/etc/tmpfiles.d/tmp.conf", AGEING)
    host.machine.path("/etc/tmpfiles.d/expokeep.conf").unlink()
    host.machine.path(CREDENTIAL).parent.chmod(0o755)
    host.machine.path(CREDENTIAL).chmod(0o644)
    host.start()
    sid, directory = host.session()
    host.make(directory, {"App.js": "1"})
    host.machine.do("systemctl", "start", f"expo@{sid}")
    until(lambda: host.machine.main_pid(f"expo@{sid}.service"), "the session runs")

    found = looked(host)
    assert CREDENTIAL in found["secrets"]["detail"]
    mended = looked(host, "--fix", "--yes")
    host.machine.path("/etc/tmpfiles.d/tmp.conf").unlink()

    expected = {
        "timeoutstopsec": "error",
        "watchdogsec": "warning",
        "restart": "warning",
        "privatetmp": "error",
        "sessions-tmp": "error",
        "tmpfiles": "error",
        "secrets": "error",
    }
    assert {code: found[code]["state"] for code in expected} == expected
    assert "PrivateTmp=no" in found["privatetmp"]["hint"]
    assert {mended[code]["state"] for code in ("tmpfiles", "secrets")} == {"ok"}
    assert host.machine.path(CREDENTIAL).stat().st_mode & 0o007 == 0


@pytest.mark.long  # the short form: tests/integration/doctor/test_places.py
def test_a_daemon_without_its_capability_says_whom_it_cannot_read(host):
    host.drop_in(DAEMON, "[Service]\nAmbientCapabilities=\nCapabilityBoundingSet=\n")
    sid, directory = host.session()
    host.make(directory, {"App.js": "1"})
    directory.chmod(0o700)
    host.start()

    found = looked(host)

    assert found["foreign-sessions"]["state"] == "error"
    assert sid in found["foreign-sessions"]["detail"]


def test_credentials_of_the_unit_serve_a_look_without_the_daemon(host):
    # Postgres is on a socket of another machine's there; the bucket is asked as here.
    where = "CREDENTIALS_DIRECTORY=/etc/expokeep/credentials"
    done = host.machine.run("env", where, "expokeep", "doctor", "--direct", "--json")
    found = {one["code"]: one for one in json.loads(done.stdout)["checks"]}

    assert found["bucket-rights"]["state"] == "ok"
    assert found["timeoutstopsec"]["state"] == "ok"
