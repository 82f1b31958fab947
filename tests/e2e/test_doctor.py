"""Misconfigurations that take a daemon to be made, found by `expokeep doctor`."""

import json
import os
import socket
import sys

import pytest

import elsewhen
from daemons import QUICK, SCRIPTS, daemon_on, run, until
from databases import fresh_database


def checks(document):
    found = {}
    for one in document["checks"]:
        found.setdefault(one["code"], one)
    return found


def looked(daemon):
    """Return what is found, by code; other daemons of these tests may be found too."""
    done = daemon.cli("doctor", "--json")
    assert done.returncode in {0, 1}, done.stderr
    return checks(json.loads(done.stdout))


def test_a_daemon_that_is_well_has_no_error_and_each_finding_a_code(daemon):
    done = daemon.lines("doctor")[-1]

    assert not [one for one in done["checks"] if one["state"] == "error"]
    assert all(one["code"] and one["name"] for one in done["checks"])
    wrong = [one for one in done["checks"] if one["state"] != "ok"]
    assert all(one["hint"] for one in wrong)
    assert {"host-id", "public-bucket", "tmpfiles", "secrets", "daemons-tmp"} <= set(
        checks(done)
    )


def test_settings_that_have_changed_since_or_are_beaten_or_contradict(site):
    told = QUICK + f"max-sessions: 7\nsocket: {{path: {site.top}/none.sock}}\n"
    environment = {"EXPOKEEP_SOCKET": str(site.top / "drift" / "control.sock")}
    with daemon_on(site, "drift", settings=told, environment=environment) as daemon:
        daemon.start()
        beaten = looked(daemon)
        daemon.configure(told + "retention: {grace: 0s}\nworkers: 2\n")
        drifted = looked(daemon)
        daemon.configure(told + "max-sessions: many\n")
        broken = looked(daemon)
        daemon.kill()

    assert beaten["overridden-settings"]["state"] == "warning"
    assert "socket.path" in beaten["overridden-settings"]["detail"]
    assert beaten["configuration"]["state"] == "ok"
    assert drifted["configuration"]["state"] == "warning"
    assert "workers" in drifted["configuration"]["detail"]
    assert "restart" in drifted["configuration"]["hint"]
    assert broken["configuration"]["state"] == "error"


def test_a_clone_and_a_second_daemon(site, daemon):
    with daemon_on(site, "clone") as clone:
        clone.state.mkdir()
        (clone.state / "host-id").write_text((daemon.state / "host-id").read_text())
        clone.start()
        daemon.ask("sessions")  # the other one asks Postgres something
        found = looked(clone)
        clone.kill()

    assert found["host-id"]["state"] == "error"
    assert found["second-daemon"]["state"] == "error"
    assert str(daemon.pid) in found["second-daemon"]["detail"]


def test_a_clock_that_is_a_minute_wrong(site):
    (site.top / "elsewhen").write_text("60 0")
    with daemon_on(
        site,
        "late",
        before=(sys.executable, elsewhen.__file__),
        environment={"ELSEWHEN": str(site.top / "elsewhen")},
    ) as daemon:
        daemon.start()
        found = looked(daemon)
        daemon.kill()

    assert found["clock"]["state"] == "warning"
    assert found["bucket-clock"]["state"] == "warning"
    assert "timedatectl" in found["clock"]["hint"]


@pytest.mark.long  # the short form is under a real systemd, in tests/systemd
def test_a_daemon_with_a_tmp_of_its_own(as_root, site):
    hidden = 'mount -t tmpfs tmpfs "$0"; exec "$@"'
    before = ("unshare", "--mount", "sh", "-ec", hidden, str(site.watch))
    with daemon_on(site, "hidden", before=before) as daemon:
        daemon.start()
        found = looked(daemon)
        daemon.kill()

    assert found["daemons-tmp"]["state"] == "error"
    assert "PrivateTmp=no" in found["daemons-tmp"]["hint"]


def test_an_address_in_use_and_a_heartbeat_that_nobody_takes(site):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        environment = {
            "EXPOKEEP_ADDR": f"127.0.0.1:{port}",
            "EXPOKEEP_HEARTBEAT_URL": "http://127.0.0.1:9/canary",
        }
        with daemon_on(site, "unheard", environment=environment) as daemon:
            daemon.start()
            until(lambda: "heartbeat not taken" in daemon.log, "it is tried")
            found = looked(daemon)
            daemon.kill()

    assert (found["metrics"]["state"], found["heartbeat"]["state"]) == ("error",) * 2
    assert f"{port}" in found["metrics"]["detail"]
    assert "canary" not in str(found)


def test_without_a_daemon_and_without_servers_it_says_what_it_can(site):
    environment = {
        **os.environ,
        "EXPOKEEP_STATE_DIR": str(site.top / "nowhere"),
        "HOME": str(site.top),
    }
    done = run([str(SCRIPTS / "expokeep"), "doctor", "--direct"], env=environment)

    assert done.returncode == 1, done.stderr
    assert "ERROR    postgres: the catalog is not configured" in done.stdout
    assert "ERROR    bucket:" in done.stdout
    assert f"there is no {site.top}/nowhere" in done.stdout
    assert "ok       kernel:" in done.stdout


MACHINE = """\
set -e
mount -t tmpfs tmpfs /etc/tmpfiles.d
mount -t tmpfs tmpfs /etc/sysctl.d
echo 'q /tmp 1777 root root 10d' >/etc/tmpfiles.d/tmp.conf
for name in max_user_watches max_user_instances; do
  echo 64 >"$0/$name"; mount --bind "$0/$name" /proc/sys/fs/inotify/$name
done
exec "$@"
"""
"""A machine for one command: what it writes below /etc and /proc/sys is its own."""


def test_what_is_safe_to_mend_is_mended(as_root, site, postgres_server):
    with fresh_database(postgres_server.dsn) as empty:
        key = site.top / "secret-access-key"
        key.write_text(site.seaweed.secret_access_key)
        key.chmod(0o644)
        config = site.top / "mend.yaml"
        config.write_text(
            f"storage: {{secret-access-key-file: {key}}}\nwatch: [{{dir: /tmp}}]\n"
        )
        environment = {**site.environment(), "DATABASE_URL": empty}
        environment |= {"EXPOKEEP_STATE_DIR": str(site.top / "mended")}
        del environment["R2_SECRET_ACCESS_KEY"]
        program = f"{SCRIPTS}/expokeep doctor --direct -c {config}"
        script = (
            f"{program} --fix || echo refused $?; {program} --fix --dry-run || true; "
            "echo ======; "
            f"{program} --fix --yes || true; ls /etc/tmpfiles.d /etc/sysctl.d"
        )
        words = ["unshare", "--mount", "sh", "-c", MACHINE, str(site.top)]
        done = run([*words, "sh", "-c", script], env=environment)
        before, after = done.stdout.split("======")

    assert "refused 2" in before, done.stderr
    assert "add --yes" in done.stderr.lower()
    for name in ("schema", "tmpfiles", "secrets", "state directory", "inotify"):
        assert f"to mend {name}: " in done.stderr
        assert f"ERROR    {name}: " in before or f"warning  {name}: " in before
        assert f"ERROR    {name}: " not in after
        assert f"warning  {name}: " not in after
    assert "expokeep-sessions.conf" in after
    assert "90-expokeep-fs.inotify.max_user_watches.conf" in after
    assert key.stat().st_mode & 0o007 == 0
    assert (site.top / "mended").is_dir()
    assert (site.top / "max_user_watches").read_text() == "80000\n"
