"""A command on each version: in a cell, with nothing of ours, and never in the way."""

import json
import os
import sys
import uuid
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from daemons import NOBODY, QUICK, appear, as_nobody, daemon_on, until, write

SEEN = ["/usr", "/bin", "/sbin", "/lib", "/lib64", os.path.realpath(sys.base_prefix)]
COMMAND = """\
[ -f .hook ] || exit 0
. ./.hook
"""
PYTHON = os.path.realpath(sys.executable)
SETTINGS = f"""{QUICK}
hooks:
  on-version: {json.dumps(COMMAND)}
  timeout: 5s
  processes: 40
  file-size: 1MB
  parallelism: 2
  readable: {json.dumps(SEEN)}
"""
ATTACKS = Path(__file__).with_name("attacks_of_a_hook.py")


def runs(daemon, sid):
    with psycopg.connect(daemon.site.database_url) as connection:
        found = connection.execute(
            "SELECT r.seq, r.outcome, r.status, r.output, r.reason, r.tries, r.is_cut"
            " FROM expokeep.hook_run r JOIN expokeep.session s ON s.id = r.session"
            " WHERE s.sid = %s AND r.ended_at IS NOT NULL ORDER BY r.seq",
            [sid],
        )
        names = [column.name for column in found.description]
        return [dict(zip(names, row, strict=True)) for row in found.fetchall()]


def run_of(daemon, files):
    """Return what came of a version with these files."""
    sid, top = daemon.site.session()
    appear(top, files)
    (run,) = until(lambda: runs(daemon, sid), f"a hook on {sid}")
    return run


def a_long_time():
    """Return seconds that nobody else sleeps: whose process it is shows by them."""
    return 100_000 + uuid.uuid4().int % 10**9


def left_behind(daemon):
    scratch = daemon.state / "hooks"
    return list(scratch.iterdir()) if scratch.exists() else []


def test_the_result_of_a_command_stands_on_its_version(daemon):
    run = run_of(daemon, {".hook": "cat App.js; pwd; exit 3", "App.js": "hello "})

    assert (run["seq"], run["outcome"], run["status"]) == (1, "failed", 3), f"{run}"[
        :900
    ]
    assert run["output"] == "hello /scratch/project\n"


def test_a_command_is_told_its_version_and_nothing_else(daemon):
    run = run_of(daemon, {".hook": "env | cut -d= -f1 | sort"})

    told = set(run["output"].split()) - {"PWD", "_", "SHLVL", "OLDPWD"}
    assert told == {"EXPOKEEP_SESSION", "EXPOKEEP_VERSION", "HOME", "PATH"}


def test_a_command_reaches_nothing_of_ours(daemon, as_root):
    site = daemon.site
    database = conninfo_to_dict(site.database_url)
    victim = site.top / "victim"
    victim.write_text("untouched")
    victim.chmod(0o666)
    facts = {
        "daemon": daemon.pid,
        "ports": [
            urlsplit(site.relay.url).port,
            urlsplit(site.seaweed.endpoint_url).port,
        ],
        "sockets": [database["host"], str(daemon.state / "control.sock"), "/run"],
        "port": database["port"],
        "files": [str(victim), str(daemon.config), str(daemon.state), "/etc/shadow"],
        "places": [
            "/",
            "/usr",
            "/etc",
            "/dev",
            "/proc/sys/kernel/hostname",
            "/var/tmp",
        ],
    }

    run = run_of(
        daemon,
        {
            ".hook": f"{PYTHON} -I attacks.py",
            "attacks.py": ATTACKS.read_text(),
            "facts.json": json.dumps(facts),
        },
    )

    assert run["outcome"] == "passed", run["output"]
    done = json.loads(run["output"])
    assert len(done) > 25
    assert {name: what for name, what in done.items() if what != "refused"} == {}
    assert victim.read_text() == "untouched"


def test_all_that_a_command_started_ends_with_it(daemon):
    marker = f"sleep {a_long_time()}"
    run = run_of(daemon, {".hook": f"(setsid {marker} &) ; setsid {marker} & exit 0"})

    assert run["outcome"] == "passed"
    assert not any(marker in words for words in _commands())


def test_a_command_that_takes_too_long_is_ended_with_all_it_started(daemon):
    marker = f"sleep {a_long_time()}"
    run = run_of(daemon, {".hook": f"echo began; exec >/dev/null 2>&1; {marker}"})

    assert (run["outcome"], run["output"]) == ("timed out", "began\n")
    assert not any(marker in words for words in _commands())


def test_of_what_a_command_prints_the_end_is_kept(daemon):
    run = run_of(daemon, {".hook": "yes word | head -c 1000000; echo the end"})

    assert len(run["output"]) == 64 * 1024
    assert run["output"].endswith("the end\n")
    assert run["is_cut"]


def test_a_command_that_forks_without_end_is_held_by_its_limits(daemon):
    bomb = "b() { b | b & }; b; sleep 0.2; dd if=/dev/zero of=big bs=1M count=9"
    run = run_of(daemon, {".hook": f"{bomb}; stat -c %s big"})

    assert run["outcome"] in ("passed", "failed", "timed out", "killed")
    after = run_of(daemon, {".hook": "dd if=/dev/zero of=big bs=1M count=9; true"})
    assert after["outcome"] == "passed"


def test_nothing_is_left_of_a_nasty_tree(daemon):
    nasty = (
        f"for n in $(seq 400); do mkdir {'d' * 24} && cd {'d' * 24}; done;"
        " mkdir /scratch/closed; touch /scratch/closed/x; chmod 0 /scratch/closed;"
        " ln -s / /scratch/root; true"
    )

    run_of(daemon, {".hook": nasty})

    until(lambda: not left_behind(daemon), "the scratch is gone")


def test_a_person_sees_what_came_of_a_version(daemon):
    sid, top = daemon.site.session()
    appear(top, {".hook": "echo red; exit 1"})
    until(lambda: runs(daemon, sid), "a hook")

    shown = daemon.ask("show", sid)
    logged = daemon.ask("log", sid)

    assert shown["hook"]["outcome"] == "failed"
    assert shown["hook"]["status"] == 1
    assert shown["hook"]["output"] == "red\n"
    assert logged["versions"][0]["hook"]["outcome"] == "failed"
    assert "red" in daemon.cli("show", sid).stdout
    assert "hook failed with 1" in daemon.cli("log", sid).stdout


@pytest.mark.long
def test_only_the_newest_of_what_was_missed_is_run(prepare_site):
    with prepare_site() as site, daemon_on(site) as quiet:
        sid, top = site.session("missed")
        quiet.start()
        appear(top, {".hook": "cat App.js", "App.js": "one"})
        quiet.await_versions(sid, 1)
        write(top, {"App.js": "two"})
        quiet.await_versions(sid, 2)
        assert quiet.stop() == 0
        quiet.configure(SETTINGS)

        quiet.start()
        (run,) = until(lambda: runs(quiet, sid), "the missed hook")

        assert (run["seq"], run["output"]) == (2, "two")
        assert quiet.stop() == 0


@pytest.mark.long
def test_what_a_killed_daemon_was_at_is_run_anew(prepare_site):
    long = SETTINGS.replace("timeout: 5s", "timeout: 10m")
    with prepare_site() as site, daemon_on(site, settings=long) as one:
        sid, top = site.session("killed")
        marker = f"sleep {a_long_time()}"
        waits = f"touch /scratch/project/began; {marker}"
        one.start()
        appear(top, {".hook": waits})
        began = one.state / "hooks"
        until(lambda: list(began.glob("*/home/project/began")), "the hook began")

        one.kill()
        until(lambda: not any(marker in words for words in _commands()), "its end")
        one.configure(SETTINGS.replace("timeout: 5s", "timeout: 1s"))
        one.start()

        (run,) = until(lambda: runs(one, sid), "the hook ran anew")
        assert (run["outcome"], run["tries"]) == ("timed out", 2)
        assert one.stop() == 0


@pytest.mark.long
def test_without_root_nothing_is_run_unless_it_may_be(prepare_site, as_root):
    with prepare_site() as site:
        sid, top = site.session("nobody")
        with daemon_on(site, settings=SETTINGS, before=as_nobody()) as one:
            one.start()
            appear(top, {".hook": "id -u"})
            one.await_versions(sid, 1)
            checks = {
                check["name"]: check
                for check in one.lines("doctor", code=1)[-1]["checks"]
            }
            assert "hooks are not run" in one.log
            assert checks["hooks"]["state"] == "error"
            assert one.stop() == 0

            one.configure(f"{SETTINGS}  unsafe-same-user: true\n")
            one.start()
            (run,) = until(lambda: runs(one, sid), "the hook ran")
            assert (run["outcome"], run["output"]) == ("passed", f"{NOBODY}\n")
            assert one.stop() == 0


def _commands():
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            yield path.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
