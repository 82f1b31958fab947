"""The daemon's unit: started, reloaded, killed, hung, misconfigured."""

import os

import pytest

from daemons import until
from packaged import CREDENTIALS, DAEMON, QUICK

CONFIG = "/etc/expokeep/expokeep.yaml"


def test_it_is_active_when_it_watches_and_answers_and_not_before(host):
    # The configuration is a pipe: the daemon waits in its start for whoever writes it.
    settings = host.machine.path(CONFIG).read_text()
    host.machine.path(CONFIG).unlink()
    os.mkfifo(host.machine.path(CONFIG))

    host.machine.do("systemctl", "start", "--no-block", DAEMON)
    until(lambda: host.machine.main_pid(DAEMON), "its process")
    shown = host.machine.show(DAEMON, "ActiveState", "SubState")
    assert shown == {"ActiveState": "activating", "SubState": "start"}

    host.machine.path(CONFIG).write_text(settings)
    until(lambda: host.machine.state(DAEMON) == "active", "active")
    assert host.machine.path("/run/expokeep/control.sock").is_socket()
    sid, directory = host.session()
    host.make(directory, {"first.txt": "one"})
    host.await_versions(sid, 1)
    until(lambda: "sessions" in host.status_text(), "systemd knows how it goes")


def test_it_is_active_without_postgres_and_bucket_and_catches_up(host):
    host.site.relay.go_down()
    host.machine.do("systemctl", "mask", "--runtime", "run-postgresql.mount")
    host.machine.do("systemctl", "stop", "run-postgresql.mount")

    host.start()
    sid, directory = host.session()
    host.make(directory, {"first.txt": "one"})
    spool = host.machine.path("/var/lib/expokeep/spool")
    until(lambda: list(spool.glob(f"{sid}/0*")), "it is safe on the disk")

    host.machine.do("systemctl", "unmask", "--runtime", "run-postgresql.mount")
    host.machine.do("systemctl", "start", "run-postgresql.mount")
    host.site.relay.come_back()
    host.restart()
    host.await_versions(sid, 1)


def test_a_reload_reads_the_file_again_and_an_error_in_it_changes_nothing(host):
    host.start()
    pid = host.machine.main_pid(DAEMON)

    host.configure(QUICK + "logging: {level: debug}\n")
    host.machine.do("systemctl", "reload", DAEMON)
    until(lambda: "configuration reloaded" in host.story(), "it says so")
    host.configure("debounce: {quiet: never}\n")
    host.machine.do("systemctl", "reload", DAEMON)
    until(lambda: "configuration not reloaded" in host.story(), "it says so")

    assert host.machine.state(DAEMON) == "active"
    assert host.machine.main_pid(DAEMON) == pid
    sid, directory = host.session()
    host.make(directory, {"first.txt": "one"})
    host.await_versions(sid, 1)


def test_what_was_edited_while_it_was_dead_is_kept_after_the_restart(host):
    host.start()
    sid, directory = host.session()
    host.make(directory, {"first.txt": "one"})
    host.await_versions(sid, 1)

    # Long enough dead, for the edit to be made meanwhile on any machine.
    host.drop_in(DAEMON, "[Service]\nRestartSec=1h\n")
    host.machine.do("systemctl", "kill", "--signal=KILL", DAEMON)
    until(lambda: host.sub_state() == "auto-restart", "it will be started again")
    host.make(directory, {"first.txt": "two", "second.txt": "new"})
    host.drop_in(DAEMON, "[Service]\nRestartSec=0\n")
    host.machine.do("systemctl", "restart", DAEMON)

    host.await_versions(sid, 2)
    assert host.machine.do("expokeep", "cat", sid, "first.txt") == "two"
    assert host.machine.do("expokeep", "cat", sid, "second.txt") == "new"


def test_it_is_started_again_however_often_it_dies(host):
    host.drop_in(DAEMON, "[Service]\nRestartSec=0\n")
    host.start()

    # Six within ten seconds would end it, were it not for StartLimitIntervalSec=0.
    for restarts in range(1, 8):
        pid = until(lambda: host.machine.main_pid(DAEMON), "its process")
        host.machine.do("systemctl", "kill", "--signal=KILL", DAEMON)
        until(
            lambda n=restarts: host.restarts() >= n, f"restart {restarts} after {pid}"
        )

    until(lambda: host.machine.state(DAEMON) == "active", "active again")


def test_a_thread_that_hangs_has_it_restarted_and_the_journal_says_where(host):
    host.configure(QUICK + "hung-after: 1s\n")
    # The hang is injected, once: the restarted daemon finds another environment.
    host.drop_in(
        DAEMON, "[Service]\nWatchdogSec=2\nEnvironmentFile=-/run/keep-test.env\n"
    )
    hang = host.machine.write("/run/keep-test.env", "EXPOKEEP_HANG=after-scan\n")
    host.start()
    pid = host.machine.main_pid(DAEMON)
    hang.unlink()
    sid, directory = host.session()
    host.make(directory, {"first.txt": "one"})

    host.await_versions(sid, 1)

    assert host.machine.main_pid(DAEMON) != pid
    story = host.machine.story(DAEMON)
    assert "a part hangs" in story
    assert "Watchdog timeout" in story
    # Of every thread, and of the one that hangs: where.
    assert story.count("(most recent call first)") > 10
    assert "crash.py" in story
    assert "code=dumped" not in story  # that core would hold every secret


@pytest.mark.parametrize("name", ["database-url", "secret-access-key"])
def test_a_missing_credential_is_named_and_it_is_not_tried_for_ever(host, name):
    host.machine.path(f"{CREDENTIALS}/{name}").unlink()

    done = host.machine.run("systemctl", "start", DAEMON)

    assert done.returncode != 0
    shown = host.machine.show(DAEMON, "ActiveState", "ExecMainStatus", "NRestarts")
    assert shown == {"ActiveState": "failed", "ExecMainStatus": "78", "NRestarts": "0"}
    assert f"/{name} is empty" in host.story()
    assert "`systemctl cat expokeepd` says by LoadCredential=" in host.story()


def test_a_wrong_configuration_ends_it_with_78_and_no_restart(host):
    host.configure("debounce: {quiet: never}\n")

    host.machine.run("systemctl", "start", DAEMON)

    shown = host.machine.show(DAEMON, "ActiveState", "ExecMainStatus", "NRestarts")
    assert shown == {"ActiveState": "failed", "ExecMainStatus": "78", "NRestarts": "0"}
    assert "debounce.quiet" in host.story()


def test_an_address_that_is_denied_is_an_outage_and_no_more(host):
    host.start()
    sid, directory = host.session()
    host.make(directory, {"first.txt": "one"})
    host.await_versions(sid, 1)
    pid = host.machine.main_pid(DAEMON)

    deny = ("systemctl", "set-property", "--runtime", DAEMON)
    host.machine.do(*deny, "IPAddressDeny=any")
    assert "does not support BPF" not in host.story(), "needs a kernel with BPF"
    (directory / "first.txt").write_text("two")
    spool = host.machine.path("/var/lib/expokeep/spool")
    until(lambda: list(spool.glob(f"{sid}/0*")), "captures go on")
    asked = host.cli("flush", sid, "--wait", "--timeout", "2s")
    assert asked.returncode == 124, asked.stdout + asked.stderr
    assert len(host.site.versions(sid)) == 1
    assert host.machine.state(DAEMON) == "active"

    host.machine.do(*deny, "IPAddressDeny=")
    host.await_versions(sid, 2)

    assert (host.machine.main_pid(DAEMON), host.restarts()) == (pid, 0)
