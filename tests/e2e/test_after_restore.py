"""What the site runs in a restored directory, such as `npm ci`: before all else."""

import json
import os
import shutil
from pathlib import Path

import pytest

from daemons import NOBODY, QUICK, appear, as_nobody, until, write
from expokeep.hooks import due

SETTINGS = f"""\
{QUICK}
hooks:
  after-restore: echo installing; sh ./setup.sh
"""
SETUP = "mkdir -p node_modules && pwd > node_modules/where && echo made"
"""What a project has its command do: as `package.json` tells `npm ci`."""
CAPABILITIES = "grep -E '^Cap(Prm|Eff|Bnd|Amb)|^NoNewPrivs' /proc/self/status"


def kept(daemon, site, setup: str = SETUP, owner: int = 0) -> tuple[str, Path]:
    """Have a project kept whose directory is gone."""
    sid, place = site.session()
    appear(place, {"App.js": "1\n", "package.json": "{}", "setup.sh": setup})
    for path in (place, *place.iterdir()):
        os.chown(path, owner, owner)
    daemon.await_versions(sid, 1)
    shutil.rmtree(place)
    daemon.await_end(sid)
    return sid, place


def test_a_command_finds_what_the_site_made_ready(daemon, site):
    sid, place = kept(daemon, site)

    first = daemon.cli("exec", sid, "--", "cat", "node_modules/where")
    (place / "node_modules/where").write_text("left alone")
    second = daemon.cli("exec", sid, "--", "cat", "node_modules/where")

    assert (first.returncode, first.stdout) == (0, f"{place}\n"), first.stderr
    assert first.stderr.splitlines() == ["installing", "made"]
    assert (second.stdout, second.stderr) == ("left alone", "")


def test_a_command_is_not_started_until_the_site_has_made_it_ready(daemon, site):
    ready = site.top / "ready"
    sid, place = kept(daemon, site, f"test -e {ready}")
    started = site.top / "started-after"
    words = ("exec", sid, "--to", place, "--", "touch", started)

    first, second = daemon.cli(*words), daemon.cli(*words)

    assert [first.returncode, second.returncode] == [3, 3]
    assert "ended with 1" in second.stderr
    assert "--no-hooks" in second.stderr
    assert (place / "App.js").read_text() == "1\n"
    assert not started.exists()

    ready.touch()
    assert daemon.cli(*words).returncode == 0
    assert started.exists()
    ready.unlink()  # it was run, and ended well: that was that
    assert daemon.cli(*words).returncode == 0


def test_a_session_that_was_restored_before_it_starts_is_made_ready_then(daemon, site):
    """As by the unit, which has neither the network nor the right to be its owner."""
    sid, place = kept(daemon, site)

    told = daemon.ask("restore", sid, "--if-missing", "--no-hooks")
    again = daemon.ask("restore", sid, "--if-missing", "--no-hooks")
    assert (told["after_restore"], again["after_restore"]) == ("due", "due")
    assert not (place / "node_modules").exists()

    skipped = daemon.cli("exec", sid, "--no-hooks", "--", "ls")
    done = daemon.cli("exec", sid, "--", "cat", "node_modules/where")

    assert "node_modules" not in skipped.stdout.split()
    assert done.stdout == f"{place}\n"
    assert daemon.ask("restore", sid, "--if-missing")["after_restore"] is None


def test_a_restore_says_how_the_command_ended(daemon, site):
    sid, place = kept(daemon, site)
    words = ("restore", sid, "--json", "--to")

    passed = daemon.cli(*words, site.top / "passed")
    failed = daemon.cli(*words, site.top / "failed", "--after-restore", "exit 7")
    shown = daemon.cli("restore", sid, "--to", site.top / "shown", "--dry-run")
    part = daemon.ask("restore", sid, "--path", "App.js", "--to", site.top / "part")

    codes = [one.returncode for one in (passed, failed, shown)]
    told = [
        json.loads(one.stdout.splitlines()[-1])["after_restore"]
        for one in (passed, failed)
    ]
    assert (codes, told) == ([0, 3, 0], ["passed", "failed"])
    assert json.loads(failed.stderr.splitlines()[-1])["exit_code"] == 3
    assert (site.top / "failed/App.js").exists()
    assert part["after_restore"] is None
    assert not (site.top / "part/node_modules").exists()
    assert not place.exists()


def test_what_the_caller_says_is_run_instead(daemon, site):
    sid, place = kept(daemon, site)

    done = daemon.cli(
        "exec", sid, "--after-restore", "echo mine > mine", "--", "cat", "mine"
    )

    assert (done.returncode, done.stdout) == (0, "mine\n"), done.stderr
    assert not (place / "node_modules").exists()


@pytest.mark.usefixtures("as_root")
@pytest.mark.parametrize("owner", [0, NOBODY])
def test_root_gives_it_to_the_owner_without_any_right_or_secret(daemon, site, owner):
    setup = f"id -u; id -g; id -G; {CAPABILITIES}; echo HOME=$HOME; env; pwd"
    sid, _ = kept(daemon, site, setup, owner)
    daemon.environment["NPM_CONFIG_REGISTRY"] = "https://registry.example/"
    daemon.environment["npm_config__authToken"] = "canary-token"

    done = daemon.cli("exec", sid, "--", "true")

    assert done.returncode == 0, done.stderr
    said = done.stderr.splitlines()
    assert said[1:4] == [str(owner)] * 3
    assert {line.split()[1].strip("0") for line in said[4:9]} == {"", "1"}
    assert "NPM_CONFIG_REGISTRY=https://registry.example/" in said
    assert f"EXPOKEEP_SESSION={sid}" in said
    environment = daemon.environment
    for secret in ("R2_SECRET_ACCESS_KEY", "R2_ACCESS_KEY_ID", "DATABASE_URL"):
        assert environment[secret] not in done.stderr
    assert "canary-token" not in done.stderr
    assert owner == 0 or "HOME=/root" not in said


@pytest.mark.usefixtures("as_root")
def test_a_directory_of_somebody_else_gets_nobody_to_run_anything(daemon, site):
    """Whoever squats a name can mark it, and must not be served by it."""
    sid, place = kept(daemon, site, SETUP, NOBODY)
    write(place, {"setup.sh": "touch ran", "package.json": "{}"})
    due.mark(place)
    started = site.top / "squatted"

    words = ("exec", sid, "--to", place, "--", "touch", started)
    done = daemon.cli(*words, before=as_nobody())

    assert done.returncode == 3, done.stderr
    assert "another user's" in done.stderr
    assert not (place / "ran").exists()
    assert not started.exists()


def test_whoever_takes_too_long_is_ended_with_all_that_it_started(daemon, site):
    sid, place = kept(daemon, site, "sleep 300 & echo $! > child; wait")

    # The time of the caller counts, where it is less than that of the settings.
    done = daemon.cli("exec", sid, "--to", place, "--timeout", "2s", "--", "true")

    assert done.returncode == 124, done.stderr
    child = int((place / "child").read_text())
    until(lambda: not Path(f"/proc/{child}").exists(), "its child has ended")


def test_it_works_without_the_daemon_and_follows_a_reload(daemon, site):
    sid, place = kept(daemon, site)
    back = site.top / "direct"

    done = daemon.cli(
        "-c", daemon.config, "restore", sid, "--to", back, "--direct", "--json"
    )
    daemon.configure(f"{QUICK}\nhooks: {{after-restore: [touch, reloaded]}}\n")
    try:
        assert daemon.cli("reload").returncode == 0
        assert daemon.cli("exec", sid, "--", "test", "-e", "reloaded").returncode == 0
    finally:
        daemon.configure(SETTINGS)
        assert daemon.cli("reload").returncode == 0

    told = json.loads(done.stdout.splitlines()[-1])
    assert told["after_restore"] == "passed"
    assert (back / "node_modules/where").read_text() == f"{back}\n"
    assert not (place / "node_modules").exists()
