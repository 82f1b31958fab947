"""A watch that is overwhelmed, a file that gives no peace: what is stored is right."""

import dataclasses
import json
import os
import signal
import threading

from daemons import appear, daemon_on, digests, run, until, write
from wires import wire_to

MANY = 20_000
LIMIT = "/proc/sys/user/max_inotify_watches"
FEW_WATCHES = (
    *("unshare", "--user", "--map-root-user"),
    *("sh", "-c", f'echo 30 > {LIMIT}; exec "$@"', "sh"),
)
"""Run as root of a user namespace of its own, which has watches of its own."""


def kept(site, daemon, sid: str) -> dict[str, str]:
    """Return what the newest version holds, once it is restored."""
    back = site.top / f"back-{sid}-{len(site.versions(sid))}"
    if not back.exists():
        daemon.ask("restore", sid, "--to", back)
    return digests(back)


def test_after_an_overflow_both_the_busy_and_the_quiet_session_converge(daemon, site):
    busy, busy_place = site.session("busy")
    quiet, quiet_place = site.session("quiet")
    for place in (busy_place, quiet_place):
        appear(place, {"App.js": "1", "src/0.js": "1"})
    daemon.start()
    daemon.await_versions(busy, 1)
    daemon.await_versions(quiet, 1)

    daemon.process.send_signal(signal.SIGSTOP)
    for number in range(MANY):
        path = busy_place / "src" / f"{number}.js"
        path.touch()
        if number % 100:  # a few hundred stay, so that this is about events
            path.unlink()
    write(quiet_place, {"src/deep/new.js": "one file in the quiet one"})
    daemon.process.send_signal(signal.SIGCONT)

    daemon.await_versions(quiet, 2)
    until(lambda: kept(site, daemon, busy) == digests(busy_place), "the busy converges")
    assert kept(site, daemon, quiet) == digests(quiet_place)
    assert daemon.ask("status")["watch"]["overflows"] >= 1
    # What nobody was told of is watched now.
    write(quiet_place, {"src/deep/new.js": "another"})
    daemon.await_versions(quiet, 3)


def test_a_session_without_watches_is_polled_and_announced(prepare_site):
    # Over TCP: the socket of Postgres is another user's, whom the namespace lacks.
    with (
        prepare_site() as site,
        wire_to(site.database_url) as (_wire, url),
        daemon_on(
            dataclasses.replace(site, database_url=url), "few", before=FEW_WATCHES
        ) as daemon,
    ):
        names = [site.session(f"wide{number}") for number in range(2)]
        for _sid, place in names:
            appear(place, {f"src/{number}/a.js": "1" for number in range(20)})
        daemon.start()
        for sid, _place in names:
            daemon.await_versions(sid, 1)
        status = daemon.ask("status")
        (told,) = status["watch"]["degraded"]
        assert status["state"] == "degraded"
        assert told.endswith("ENOSPC")
        found = json.loads(daemon.cli("doctor", "--json").stdout)["checks"]
        (watching,) = [one for one in found if one["code"] == "watching"]
        assert watching["state"] == "warning"

        for _sid, place in names:
            write(place, {"src/17/a.js": "changed, and perhaps nobody is told"})
        for sid, place in names:
            daemon.await_versions(sid, 2)
            assert kept(site, daemon, sid) == digests(place)

        namespace = (
            "nsenter",
            "-t",
            str(daemon.pid),
            "--user",
            "--preserve-credentials",
        )
        assert run([*namespace, "sh", "-c", f"echo 1000 > {LIMIT}"]).returncode == 0
        until(lambda: daemon.ask("status")["state"] == "ok", "it is watched again")


def test_a_file_that_is_written_for_ever_does_not_hold_up_the_others(daemon, site):
    sid, place = site.session("busy")
    appear(place, {"App.js": "1", "big.dat": "0" * 100_000})
    daemon.start()
    daemon.await_versions(sid, 1)
    enough = threading.Event()

    def write_for_ever() -> None:
        with (place / "big.dat").open("r+b") as log:
            number = 0
            while not enough.is_set():
                number += 1
                os.pwrite(log.fileno(), b"%d" % number, number % 100_000)

    writer = threading.Thread(target=write_for_ever)
    writer.start()
    try:
        write(place, {"App.js": "2"})
        until(
            lambda: daemon.cli("cat", sid, "App.js").stdout == "2",
            "the other file is kept",
        )
    finally:
        enough.set()
        writer.join()

    until(lambda: kept(site, daemon, sid) == digests(place), "in the end all is kept")
    until(lambda: daemon.ask("status", sid)["state"] == "ok", "and all is well")
