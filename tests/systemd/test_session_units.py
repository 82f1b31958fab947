"""Sessions that are units: brought back before they start, kept when they stop."""

from daemons import until
from packaged import DAEMON, QUICK

PATIENT = "debounce: {quiet: 10m, max-wait: 10m, deletion-grace: 10m}\n"
"""So nothing is recorded unless somebody asks for it."""

SLOWLY = (
    "-+/usr/bin/timeout 2 /bin/sh -c 'tail -f /dev/null"
    " --pid=$$(systemctl show --property=MainPID --value expokeepd)'"
)
"""Waits for the end of the daemon, but not for ever."""


def lost(host, files, **more):
    """Return a session that is kept, and whose directory is gone."""
    sid, directory = host.session()
    host.make(directory, files)
    host.await_versions(sid, 1)
    host.remove(directory)
    return sid, directory


def test_what_is_missing_is_there_again_before_the_session_starts(host):
    host.start()
    sid, directory = lost(host, {"app.json": "{}", "src/App.js": "export 1"})
    unit = f"expo@{sid}.service"
    # What a restore that was killed has left: the daemon may not write there.
    left = host.machine.write("/tmp/.expokeep-staging-0/left", "half")

    host.machine.do("systemctl", "start", unit)

    assert not left.parent.exists()
    # The session itself has listed what it found when it started.
    assert "app.json" in host.story(unit)
    assert (directory / "src/App.js").read_text() == "export 1"
    assert directory.stat().st_uid == host.app_uid()
    restored = host.machine.show(f"expokeep-restore@{sid}.service", "Result")
    assert restored == {"Result": "success"}
    # Restarted, it asks again, and nothing is overwritten.
    (directory / "app.json").write_text("edited")
    host.machine.do("systemctl", "restart", unit)
    assert (directory / "app.json").read_text() == "edited"
    restored = host.machine.show(f"expokeep-restore@{sid}.service", "Result")
    assert restored == {"Result": "success"}
    host.machine.do("systemctl", "stop", unit)
    host.remove(directory)
    host.machine.do("systemctl", "start", unit)
    assert (directory / "app.json").read_text() == "edited"


def test_a_session_of_which_nothing_is_kept_starts(host):
    sid, directory = host.session()
    unit = f"expo@{sid}.service"

    host.machine.do("systemctl", "start", unit)

    assert host.machine.state(unit) == "active"
    assert not directory.exists()
    # It has started the daemon with it.
    assert host.machine.state(DAEMON) == "active"
    shown = host.machine.show(f"expokeep-restore@{sid}.service", "Result")
    assert shown == {"Result": "success"}


def test_a_session_starts_while_the_bucket_is_away_and_the_journal_says_so(host):
    host.start()
    sid, directory = lost(host, {"app.json": "{}"})
    unit, restore = f"expo@{sid}.service", f"expokeep-restore@{sid}.service"

    host.site.relay.go_down()
    host.machine.do("systemctl", "start", unit)

    assert host.machine.state(unit) == "active"
    assert host.machine.show(restore, "Result") == {"Result": "exit-code"}
    assert "error" in host.story(restore)
    assert "Failed to start" in host.story(restore)
    assert not directory.exists()
    host.site.relay.come_back()
    host.machine.do("systemctl", "restart", unit)
    assert (directory / "app.json").read_text() == "{}"


def test_a_session_starts_where_the_daemon_cannot(host):
    host.configure("debounce: {quiet: never}\n")
    sid, _ = host.session()

    host.machine.do("systemctl", "start", f"expo@{sid}.service")

    assert host.machine.state(f"expo@{sid}.service") == "active"
    restore = f"expokeep-restore@{sid}.service"
    assert host.machine.show(restore, "ExecMainStatus") == {"ExecMainStatus": "16"}


def test_what_was_edited_last_is_recorded_when_a_session_has_stopped(host):
    host.configure(PATIENT)
    host.start()
    sid, directory = host.session()
    host.make(directory, {"app.json": "{}"})
    host.machine.do("systemctl", "start", f"expo@{sid}.service")

    (directory / "app.json").write_text("the last edit")
    host.machine.do("systemctl", "stop", f"expo@{sid}.service")

    assert len(host.site.versions(sid)) > 0
    assert host.machine.do("expokeep", "cat", sid, "app.json") == "the last edit"


def test_a_name_that_is_no_session_restores_nothing(host):
    host.start()

    for name in ("--all", "..-..-etc", "a\\x20b"):
        unit = f"expokeep-restore@{name}.service"
        host.machine.run("systemctl", "start", "--", unit)
        assert "Traceback" not in host.story(unit)

    found = [one.name for one in host.machine.path("/tmp").iterdir()]
    assert not [one for one in found if "expo" in one or "etc" in one]


def test_at_shutdown_all_is_kept_and_a_reboot_brings_it_back(host):
    host.configure(PATIENT)
    # A session that is slow to stop: the daemon would be gone before it.
    host.drop_in("expo@.service", f"[Service]\nExecStop={SLOWLY}\n")
    host.start()
    sids = {}
    for number in range(3):
        sid, directory = host.session()
        host.make(directory, {"app.json": f"{number}"})
        sids[sid] = directory
        host.machine.do("systemctl", "start", f"expo@{sid}.service")
    loose, alone = host.session()  # one that is no unit
    host.make(alone, {"app.json": "alone"})

    host.machine.power_off()
    assert all(len(host.site.versions(sid)) == 1 for sid in (*sids, loose))

    host.machine.boot()
    assert not list(host.machine.path("/tmp").glob("expo-*"))
    host.machine.do("systemctl", "start", *(f"expo@{sid}.service" for sid in sids))
    for number, sid in enumerate(sids):
        restored = host.machine.path(f"/tmp/expo-{sid}/app.json")
        assert restored.read_text() == f"{number}"
    # Sessions first, then the daemon.
    stopped = host.stopped("expo")[-4:]
    assert stopped[-1] == DAEMON
    assert set(stopped[:3]) == {f"expo@{sid}.service" for sid in sids}


def test_what_the_unit_restored_is_made_ready_by_the_sessions_own_user(host):
    """The unit has no network, and cannot be that user: it leaves it to the session."""
    host.configure("hooks: {after-restore: id -un > made-ready}\n" + QUICK)
    host.start()
    sid, directory = lost(host, {"app.json": "{}"})
    unit = f"expo@{sid}.service"
    told = "/bin/cat made-ready /proc/self/cgroup"
    run = f"/usr/local/bin/expokeep exec --to /tmp/expo-%i -- %i {told}"
    host.drop_in("expo@.service", f"[Service]\nExecStart=\nExecStart={run}\n")

    host.machine.do("systemctl", "start", unit)

    def story() -> str:
        return host.story(unit)

    until(lambda: f"/{unit}" in story(), "the session's command has run")
    assert (directory / "made-ready").read_text() == "app\n"
    assert (directory / "made-ready").stat().st_uid == host.app_uid()
    assert "error" not in host.story(f"expokeep-restore@{sid}.service")
