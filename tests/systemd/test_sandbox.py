"""The units' sandboxes, from inside: what must fail, what must work, and the score.

The probe runs with the properties of the unit, line by line: only what it executes is
another program.
"""

import json
import re
from pathlib import Path

import pytest

from packaged import CREDENTIALS, UNITS

PROBE = "/usr/local/lib/keep-probe.py"
PROGRAM = Path(__file__).parents[1] / "probing_program.py"
NOT_OF_A_PROBE = re.compile(
    "(Type|Exec.*|Restart.*|WatchdogSec|TimeoutSt.*Sec|Wants|WantedBy|After|Before)="
)
DAEMON, RESTORE = "expokeepd.service", "expokeep-restore@.service"
SECRET_PLACES = [
    *("/etc/shadow", "/etc/gshadow", "/root/.profile", "/home", "/boot", "/srv/app"),
    *("/etc/machine-id", "/etc/ssh", "/etc/systemd/system/expokeepd.service"),
    *("/var/log/journal", "/var/lib/systemd", "/var/lib/dpkg/status", "/dev/kmsg"),
    *("/dev/mem", "/dev/shm/other", "/proc/kcore", "/proc/kmsg", "/proc/1/environ"),
    *("/run/credentials/other.service/secret", f"{CREDENTIALS}/database-url"),
    *("/run/user", "/run/log/journal", "/sys/kernel/debug", "/tmp/../etc/shadow"),
]
READ_ONLY_PLACES = [
    *("/usr/lib/x", "/usr/bin/env", "/etc/passwd", "/etc/new", "/new", "/run/new"),
    *("/proc/sys/kernel/core_pattern", "/proc/sysrq-trigger", "/sys/fs/cgroup/new"),
    *("/usr/local/lib/expokeep/bin/expokeep", "/usr/local/lib/new"),
    *("/dev/shm/new", "/dev/new", "/var/tmp/new", "/run/lock/new", "/var/new"),
]
SOCKETS = ["/run/systemd/private", "/run/dbus/system_bus_socket"]
FILTERED = [
    *("open by handle", "name to handle", "io_uring", "bpf", "perf", "userfaultfd"),
    *("fanotify", "keyctl", "compare processes", "ptrace", "memory of others"),
    *("descriptors of others", "open_tree", "fsopen", "mount", "pivot_root", "chroot"),
]
"""Refused before the kernel looks at what was asked, so never with ESTALE or EINVAL."""


def probed(host, unit: str, kind: str, writable: str, places: dict[str, list[str]]):
    """Run the probe in the place of what a unit executes; return what it found."""
    host.machine.write(PROBE, PROGRAM.read_text())
    host.machine.write("/run/credentials/other.service/secret", "x", 0o600)
    host.machine.write("/srv/app/secret", "x", 0o644)
    _, session = host.session("probed")
    host.make(session, {"secret": "only the owner", "program": "#!/bin/sh\n"})
    (session / "secret").chmod(0o600)
    (session / "program").chmod(0o755)
    kept = [
        line
        for line in (UNITS / unit).read_text().splitlines()
        if not NOT_OF_A_PROBE.match(line)
    ]
    inside = f"/tmp/{session.name}"
    words = f"{kind} {inside} {writable} '{json.dumps(places)}'"
    kept.insert(kept.index("[Service]") + 1, "Type=oneshot")
    kept.insert(
        kept.index("[Service]") + 1, f"ExecStart=/usr/bin/python3 {PROBE} {words}"
    )
    name = f"probe-{kind}.service"
    host.machine.write(f"/run/systemd/system/{name}", "\n".join(kept))
    host.machine.do("systemctl", "daemon-reload")
    done = host.machine.run("systemctl", "start", name)
    assert done.returncode == 0, host.story(name)
    said = [str(entry["MESSAGE"]) for entry in host.machine.journal(name)]
    return json.loads(next(one for one in said if one.startswith("PROBE "))[6:])


def succeeded(outcomes: dict[str, str]) -> list[str]:
    return [name for name, outcome in outcomes.items() if outcome == "done"]


def filtered(outcomes: dict[str, str]) -> set[str]:
    """Return how the system calls ended that no unit of ours may make."""
    return {outcomes[name] for name in FILTERED}


def failed(outcomes: dict[str, str]) -> dict[str, str]:
    return {name: one for name, one in outcomes.items() if one != "done"}


def test_the_daemon_can_do_what_it_is_for_and_nothing_else(host):
    places = {
        "secret": SECRET_PLACES,
        "read-only": [*READ_ONLY_PLACES, "/tmp/new", "/etc/expokeep/new"],
        "sockets": SOCKETS,
    }

    found = probed(host, DAEMON, "daemon", "/var/cache/expokeep", places)

    assert succeeded(found["forbidden"]) == [], json.dumps(found)
    assert filtered(found["forbidden"]) == {"EPERM"}
    assert failed(found["needed"]) == {}
    assert [int(one, 16) for one in found["capabilities"]] == [1 << 2] * 3
    assert found["no new privileges"] == "1"
    assert "shadow" not in found["etc"]
    assert not {"boot", "srv"} & {*found["root"]}


def test_a_restore_can_write_below_tmp_and_nothing_else(host):
    places = {
        "secret": [*SECRET_PLACES, "/etc/expokeep/expokeep.yaml", "/var/lib/expokeep"],
        "read-only": [*READ_ONLY_PLACES, "/run/expokeep/new"],
        "sockets": SOCKETS,
    }

    host.start()  # it makes the directory of the socket
    found = probed(host, RESTORE, "restore", "/tmp", places)

    assert succeeded(found["forbidden"]) == [], json.dumps(found)
    assert filtered(found["forbidden"]) == {"EPERM"}
    assert failed(found["needed"]) == {}
    # CHOWN, DAC_OVERRIDE, FOWNER, FSETID
    effective, bounding, ambient = (int(one, 16) for one in found["capabilities"])
    assert (effective, bounding, ambient) == (0b11011, 0b11011, 0)
    assert found["no new privileges"] == "1"


@pytest.mark.parametrize(("unit", "most"), [(DAEMON, 2.5), (RESTORE, 3.0)])
def test_systemd_finds_little_to_say_against_a_unit(host, unit, most):
    path = f"/etc/systemd/system/{unit}"

    said = host.machine.do("systemd-analyze", "security", "--offline=true", path)

    found = re.search(r"Overall exposure level.*: ([0-9.]+)", said)
    assert found is not None, said
    assert float(found[1]) <= most, said


def test_systemd_verifies_the_units_without_a_word(host):
    names = (DAEMON, RESTORE, "expo@.service")
    paths = [f"/etc/systemd/system/{name}" for name in names]

    done = host.machine.run("systemd-analyze", "verify", "--man=no", *paths)

    assert (done.returncode, done.stdout, done.stderr) == (0, "", ""), done.stderr


def test_every_part_of_a_unit_says_why_it_is_there():
    for unit in (*UNITS.glob("*.service"), *UNITS.glob("*.service.d/*.conf")):
        for block in re.split(r"\n\n|\n(?=\[)", unit.read_text()):
            lines = block.strip().splitlines()
            if lines and lines[0].startswith("[Install"):
                continue
            assert any(line.startswith("#") for line in lines), block
