"""Disks, limits, rights and a machine that are not as they should be."""

import json
import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from daemons import until
from disks import MIB, filled, small_disk, without_inodes
from expokeep.doctor import kernel, machine, openings, secrets, units
from expokeep.doctor.configured import consistency
from expokeep.doctor.disks import disks
from expokeep.doctor.sessions import sessions_tmp
from expokeep.doctor.values import Setup
from expokeep.settings.load import load

AS_NOBODY = """\
import json, os, resource, sys
from pathlib import Path
from expokeep.doctor.process import process
from expokeep.settings.load import load
settings = load(path=None, environ={"HOME": "/x"}, flags={"watch.dir": [sys.argv[1]]})
resource.setrlimit(resource.RLIMIT_NOFILE, (1024, 1024))
if sys.argv[2] != "0":
    os.setgroups([])
    os.setresgid(65534, 65534, 65534)
    os.setresuid(65534, 65534, 65534)
found = process(settings.settings, is_root_needed=False)
print(json.dumps({one.name: [one.state, one.detail] for one in found}))
"""


def settings_at(top: Path, **flags):
    given = {"state-dir": top / "state", "watch.dir": [top], **flags}
    return load(path=None, environ={"HOME": "/x"}, flags=given).settings


def setup_at(top: Path, **more) -> Setup:
    given = {
        "watch": ((top, "expo-*"),),
        "state_dir": top,
        "group": "root",
        "flush_timeout_s": 90.0,
        "max_sessions": 10,
    }
    return Setup(**{**given, **more})


def named(checks):
    return {one.name: one for one in checks}


def test_a_spool_that_is_in_memory_full_or_without_inodes(as_root, tmp_path):
    with small_disk(tmp_path / "disk", size=8 * MIB, inodes=200) as disk:
        (disk / "spool").mkdir()
        flags = {"spool.path": disk / "spool", "spool.min-free": "1MB"}
        settings = settings_at(tmp_path, **flags)
        good = named(disks(settings))
        with filled(disk):
            full = named(disks(settings))
        with without_inodes(disk):
            crowded = named(disks(settings))

    assert (good["spool's disk"].state, good["disk"].state) == ("warning", "ok")
    assert "tmpfs" in good["spool's disk"].detail
    assert (full["disk"].state, crowded["inodes"].state) == ("error", "error")
    assert "df -i" in crowded["inodes"].hint


def test_a_directory_that_is_missing(tmp_path):
    settings = settings_at(tmp_path, **{"watch.dir": [tmp_path / "none"]})
    found = named(disks(settings))

    assert found["watch directory"].state == "error"
    assert f"BindReadOnlyPaths={tmp_path}/none" in found["watch directory"].hint


@pytest.mark.parametrize("who", [0, 65534])
def test_a_daemon_that_may_too_little_or_more_than_it_needs(as_root, who):
    with small_disk(Path(f"/mnt/keep-{os.getpid()}"), size=MIB) as watch:
        (watch / "expo-of-somebody").mkdir(mode=0o700)
        command = [sys.executable, "-c", AS_NOBODY, str(watch), str(who)]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
    watch.rmdir()
    found = json.loads(done.stdout)

    assert found["open files"][0] == "warning"
    states = found["daemon's user"][0], found["foreign sessions"][0]
    assert states == (("warning", "ok") if who == 0 else ("ok", "error"))
    assert who == 0 or "expo-of-somebody" in found["foreign sessions"][1]


def test_a_kernel_that_is_too_old():
    (old,), (new,) = kernel.kernel("4.19.0-27-amd64"), kernel.kernel("6.1.0-28-amd64")

    assert (old.code, old.hint[:3]) == ("kernel", "Run")
    assert (old.state, new.state) == ("warning", "ok")


def limits(proc: Path, watches: int, instances: int) -> Path:
    inotify = proc / "sys/fs/inotify"
    inotify.mkdir(parents=True, exist_ok=True)
    (inotify / "max_user_watches").write_text(f"{watches}\n")
    (inotify / "max_user_instances").write_text(f"{instances}\n")
    return proc


def test_limits_of_inotify_that_are_too_low_are_found_and_mended(tmp_path):
    proc = limits(tmp_path, watches=8192, instances=64)
    low, few = kernel.inotify(2000, 10, proc)
    (full, _) = kernel.inotify(10, 8000, proc)

    assert (low.name, few.name) == ("inotify", "inotify instances")
    assert (low.state, few.state, full.state) == ("warning", "warning", "error")
    assert "sysctl -w fs.inotify.max_user_watches=80000" in low.hint
    for check in (low, few):
        check.fix.act()
    assert {one.state for one in kernel.inotify(2000, 10, proc)} == {"ok"}


def test_ageing_of_tmp_is_found_and_mended(tmp_path):
    rules = tmp_path / "usr/lib/tmpfiles.d"
    rules.mkdir(parents=True)
    setup = setup_at(Path("/tmp"))
    (rules / "tmp.conf").write_text("q /tmp 1777 root root 10d\n")

    (aged,) = machine.tmpfiles(setup, tmp_path)
    assert (aged.state, "10d" in aged.detail) == ("error", True)
    aged.fix.act()
    (mended,) = machine.tmpfiles(setup, tmp_path)
    assert mended.state == "ok"
    assert (tmp_path / "etc/tmpfiles.d/expokeep-sessions.conf").read_text() == (
        "x /tmp/expo-*\n"
    )


@pytest.mark.parametrize(
    "rule", ["D /tmp 1777 root root -", "D /tmp 1777 root root", "d /var/tmp - - - 1d"]
)
def test_tmp_that_does_not_age_needs_no_line(tmp_path, rule):
    rules = tmp_path / "usr/lib/tmpfiles.d"
    rules.mkdir(parents=True)
    (rules / "tmp.conf").write_text(f"# about /tmp\n{rule}\n")

    assert [
        one.state for one in machine.tmpfiles(setup_at(Path("/tmp")), tmp_path)
    ] == ["ok"]


def test_what_etc_says_hides_the_file_of_its_name(tmp_path):
    for place, age in (("etc", "-"), ("usr/lib", "10d")):
        (tmp_path / place / "tmpfiles.d").mkdir(parents=True)
        file = tmp_path / place / "tmpfiles.d/tmp.conf"
        file.write_text(f"q /tmp 1777 root root {age}\n")

    (found,) = machine.tmpfiles(setup_at(Path("/tmp")), tmp_path)
    assert found.state == "ok"


def test_a_secret_that_all_can_read_is_found_and_closed(tmp_path):
    tmp_path.chmod(0o755)
    top = Path("/tmp") / f"keep-secrets-{os.getpid()}"
    top.mkdir(mode=0o755)
    key = top / "key"
    key.write_text("canary-of-a-key")
    key.chmod(0o644)
    setup = setup_at(top, secret_files=(key, top / "none"))
    try:
        (found,) = secrets.secrets(setup)
        assert (found.state, str(key) in found.detail) == ("error", True)
        assert "canary" not in repr(found)
        top.chmod(0o700)  # behind a closed door nobody comes to it
        assert [one.state for one in secrets.secrets(setup)] == ["ok"]
        top.chmod(0o755)
        found.fix.act()
        assert key.stat().st_mode & 0o777 == 0o640
        assert [one.state for one in secrets.secrets(setup)] == ["ok"]
    finally:
        key.unlink()
        top.rmdir()


def test_to_close_a_secret_follows_no_link_and_touches_no_file_of_two_names(tmp_path):
    top = Path("/tmp") / f"keep-links-{os.getpid()}"
    top.mkdir(mode=0o755)
    victim = tmp_path / "victim"
    victim.write_text("somebody else's")
    victim.chmod(0o644)
    try:
        for make in (Path.symlink_to, Path.hardlink_to):
            make(top / "pepper", victim)
            (found,) = secrets.secrets(setup_at(top))
            with pytest.raises(OSError, match=r"link|name"):
                found.fix.act()
            (top / "pepper").unlink()
    finally:
        top.rmdir()
    assert victim.stat().st_mode & 0o777 == 0o644


def test_a_socket_that_bears_our_name_is_not_asked_if_anybody_made_it(as_root):
    top = Path("/tmp") / f"keep-squat-{os.getpid()}"
    listeners = []
    try:
        for name in ("ours", "theirs", "odd-\udcff"):
            (top / name).mkdir(parents=True)
            listeners.append(socket.socket(socket.AF_UNIX))
            listeners[-1].bind(str(top / name / "control.sock"))
            listeners[-1].listen()
        os.chown(top / "theirs/control.sock", 65534, 65534)
        heard = set(machine.listening(setup_at(Path("/"))))
    finally:
        for listener in listeners:
            listener.close()
        shutil.rmtree(top)

    assert top / "ours/control.sock" in heard
    assert top / "theirs/control.sock" not in heard


def test_a_state_directory_that_is_missing_or_open_is_made_and_closed(tmp_path):
    setup = setup_at(tmp_path, state_dir=tmp_path / "state")

    (missing,) = secrets.state_directory(setup)
    missing.fix.act()
    setup.state_dir.chmod(0o777)
    (opened,) = secrets.state_directory(setup)
    opened.fix.act()

    assert (missing.state, opened.state) == ("error", "error")
    assert setup.state_dir.stat().st_mode & 0o777 == 0o755
    assert list(secrets.state_directory(setup)) == []


def test_a_group_that_is_not_there_or_empty(tmp_path):
    (missing,) = machine.socket_group(setup_at(tmp_path, group="none-of-that-name"))
    (members,) = machine.socket_group(setup_at(tmp_path, group="root"))

    assert (missing.name, missing.state) == ("socket group", "warning")
    assert members.state == "ok"
    assert "usermod" in missing.hint


@pytest.mark.parametrize(
    ("line", "state"),
    [("user_allow_other", "warning"), ("#user_allow_other", "ok"), ("", "ok")],
)
def test_mounts_of_users_that_others_must_wait_for(tmp_path, line, state):
    conf = tmp_path / "fuse.conf"
    conf.write_text(f"mount_max = 1000\n {line}\n")

    (found,) = openings.fuse(conf)
    (without,) = openings.fuse(tmp_path / "none")

    assert (found.name, found.state, without.state) == ("fuse", state, "ok")


def test_a_watch_directory_that_hands_its_group_on(tmp_path):
    (before,) = openings.setgid(setup_at(tmp_path))
    tmp_path.chmod(0o2755)
    (after,) = openings.setgid(setup_at(tmp_path))

    assert (before.state, after.state) == ("ok", "warning")
    assert (after.name, after.hint) == (
        "watch directory's group",
        f"`chmod g-s {tmp_path}`",
    )


def test_a_session_with_a_tmp_of_its_own(as_root, tmp_path):
    watch = tmp_path / "watch"
    watch.mkdir()
    odd = f"{watch}/expo-hidden$(printf '\\377')"  # no text, to be told all the same
    lived = f"mkdir {odd}; cd {odd}; echo up; exec cat"
    words = ["sh", "-ec", f"mount -t tmpfs tmpfs {watch}; {lived}"]
    apart = subprocess.Popen(
        ["unshare", "--mount", *words], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    try:
        assert apart.stdout.readline() == b"up\n"
        until(lambda: Path(f"/proc/{apart.pid}/cwd").exists(), "it lives")
        (found,) = sessions_tmp(setup_at(watch))
    finally:
        apart.communicate()

    assert (found.name, found.state) == ("sessions' /tmp", "error")
    assert f"process {apart.pid} in {watch}/expo-hidden\\xff" in found.detail
    assert [one.state for one in sessions_tmp(setup_at(watch))] == ["ok"]


@pytest.mark.parametrize(
    ("changed", "name", "state"),
    [
        ({"TimeoutStopUSec": "1min 30s"}, "TimeoutStopSec", "error"),
        ({"TimeoutStopUSec": "infinity"}, "TimeoutStopSec", "ok"),
        ({"WatchdogUSec": "0"}, "WatchdogSec", "warning"),
        ({"WatchdogUSec": "5s"}, "WatchdogSec", "warning"),
        ({"WatchdogUSec": "infinity"}, "WatchdogSec", "ok"),
        ({"Restart": "no"}, "Restart", "warning"),
    ],
)
def test_what_a_unit_says(changed, name, state):
    ours = {"TimeoutStopUSec": "2min", "WatchdogUSec": "1min", "Restart": "always"}

    assert {one.state for one in units.unit(ours, 90.0)} == {"ok"}
    assert named(units.unit({**ours, **changed}, 90.0))[name].state == state


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("retention.grace", "0s"),
        ("retention.warn-before", "30d"),
        ("max-file-size", "600MB"),
        ("sharing.default-expires", "400d"),
        ("database.lease-ttl", "15s"),
        ("spool.fsync", "never"),
    ],
)
def test_settings_that_contradict_each_other(tmp_path, key, value):
    good = named(consistency(settings_at(tmp_path)))
    found = named(consistency(settings_at(tmp_path, **{key: value})))

    assert (good["settings"].state, found["settings"].state) == ("ok", "warning")
    assert key in found["settings"].detail
    assert found["settings"].hint


def test_a_bucket_that_is_reached_in_the_clear(tmp_path):
    def looked(url):
        flags = {"storage.endpoint": url}
        return named(consistency(settings_at(tmp_path, **flags)))["encryption"].state

    assert looked("http://127.0.0.1:9000") == "ok"
    assert looked("https://s3.example.org") == "ok"
    assert looked("http://s3.example.org") == "error"


def test_a_spool_that_no_start_has_made_yet_is_no_fault(tmp_path):
    before = named(disks(settings_at(tmp_path)))
    state = tmp_path / "state"
    state.mkdir()
    (state / "host-id").write_text("x")

    after = named(disks(settings_at(tmp_path)))

    assert "state directory" not in before
    assert (before["spool"].state, after["spool"].state) == ("ok", "error")
    assert after["spool"].hint.startswith("`install -d ")


@pytest.mark.parametrize(
    ("pid", "pids", "state"),
    [(1, [1], "ok"), (1, [1, 2], "error"), (None, [2], "ok"), (None, [2, 3], "error")],
)
def test_one_daemon_is_no_second_one_to_who_asks_none(tmp_path, pid, pids, state):
    said = [(one, [f"{tmp_path}/expo-*"]) for one in pids]

    (found,) = machine.others(setup_at(tmp_path, pid=pid), said)

    assert found.state == state
