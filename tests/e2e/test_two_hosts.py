"""Two hosts, one Postgres, one bucket: a session is one host's, and nothing is lost."""

from collections.abc import Iterator
from dataclasses import replace

import psycopg
import pytest

from daemons import QUICK, Daemon, Site, appear, daemon_on, digests, until, write

PROJECT = {"package.json": "{}", "App.js": "work of a", "src/Button.js": "// a button"}
HELD = "host a holds this session"
LATE = "recorded by host a after host b took the session over"


@pytest.fixture(scope="module")
def site_of_b(site: Site) -> Site:
    """A disk of its own, beside the same servers."""
    other = replace(site, top=site.top / "b")
    other.watch.mkdir(parents=True)
    return other


def settings(name: str, site: Site) -> str:
    return f"{QUICK}host-name: {name}\nwatch: [{{dir: {site.watch}}}]\n"


@pytest.fixture(scope="module")
def hosts(site: Site, site_of_b: Site) -> Iterator[tuple[Daemon, Daemon]]:
    with (
        daemon_on(site, "a", settings=settings("a", site)) as a,
        daemon_on(site_of_b, "b", settings=settings("b", site_of_b)) as b,
    ):
        a.start()
        b.start()
        yield a, b
        assert (a.stop(), b.stop()) == (0, 0), a.story + b.story


@pytest.fixture
def a(hosts) -> Daemon:
    return hosts[0]


@pytest.fixture
def b(hosts) -> Daemon:
    return hosts[1]


@pytest.fixture
def shop(a, site_of_b):
    """A session that host a keeps: its id, and its directories on a and on b."""
    sid, on_a = a.site.session()
    appear(on_a, PROJECT)
    a.await_versions(sid, 1)
    return sid, on_a, site_of_b.watch / on_a.name


def head(daemon, sid):
    return daemon.ask("sessions", sid)["sessions"][0]["head_seq"]


def holder(daemon, sid):
    return daemon.ask("sessions", sid)["sessions"][0]["host"]


def note(daemon, sid):
    (line,) = daemon.ask("status", sid)["sessions"]
    return line["held_by"]


def lease_is_over(daemon, name):
    """Let the lease of a host that was killed end now, instead of in half a minute."""
    with psycopg.connect(daemon.site.database_url) as connection:
        connection.execute(
            "UPDATE expokeep.host SET lease_until = now() WHERE name = %s", [name]
        )


@pytest.mark.parametrize("is_direct", [False, True], ids=["daemon", "direct"])
@pytest.mark.parametrize("is_named", [False, True], ids=["home", "to"])
def test_a_restore_is_refused_while_another_host_keeps_the_session(
    a, b, shop, is_direct, is_named
):
    sid, _, on_b = shop
    words = ["--direct", "-c", b.config] if is_direct else []
    words += ["--to", on_b] if is_named else []

    refused = b.cli("restore", sid, *words)

    assert refused.returncode == 11
    assert "host a holds session" in refused.stderr
    assert "--force" in refused.stderr
    assert list(b.site.watch.glob(f"*{sid}*")) == []
    assert holder(a, sid) == "a"


def test_a_command_is_not_run_in_what_another_host_keeps(b, shop):
    sid, _, on_b = shop

    refused = b.cli("exec", sid, "--to", on_b, "--", "touch", b.site.top / "was-run")

    assert refused.returncode == 11
    assert not (b.site.top / "was-run").exists()


def test_a_restore_elsewhere_takes_nothing(a, b, shop):
    sid, on_a, _ = shop

    b.ask("restore", sid, "--to", b.site.top / f"back-{sid}")

    assert digests(b.site.top / f"back-{sid}") == digests(on_a)
    assert (holder(b, sid), note(a, sid)) == ("a", None)


def test_a_forced_restore_moves_the_session_and_both_hosts_go_on(a, b, shop):
    sid, on_a, on_b = shop

    b.ask("restore", sid, "--force")
    write(on_b, {"App.js": "goes on at b"})
    on = a.await_versions(sid, 2)[1]
    write(on_a, {"App.js": "and at a"})
    beside = a.await_versions(sid, 3)[2]

    assert (on["parked"], on["parent_seq"]) == (None, 1)
    assert beside["parked"] == LATE
    assert (head(a, sid), holder(a, sid)) == (2, "b")
    assert (note(a, sid), note(b, sid)) == ("b", None)
    assert "session held by another host" in a.log
    assert a.cli("cat", f"{sid}@3", "App.js").stdout == "and at a"


def test_what_waited_on_the_host_that_lost_the_session_is_kept_beside(a, b, shop):
    sid, on_a, on_b = shop
    a.ask("pause", sid)
    for number in (1, 2):
        write(on_a, {"App.js": f"waits {number}"})
        a.await_spooled(sid, number)
    b.ask("restore", sid, "--force")
    write(on_b, {"App.js": "goes on at b"})
    b.await_versions(sid, 2)

    a.ask("resume", sid)
    rows = a.await_versions(sid, 4)

    assert [row["parked"] for row in rows] == [None, None, LATE, LATE]
    assert [row["parent_seq"] for row in rows] == [None, 1, 1, 3]
    assert head(a, sid) == 2
    until(lambda: a.spooled(sid) == 0, "the spool is empty")
    assert a.ask("status")["state"] == "ok"


def test_a_project_that_is_edited_on_two_hosts_is_kept_on_both(a, b, shop):
    sid, on_a, on_b = shop
    appear(on_b, PROJECT)
    blank = b.await_versions(sid, 2)[1]
    write(on_b, {"App.js": "edited on b"})
    edited = b.await_versions(sid, 3)[2]
    write(on_a, {"App.js": "edited on a"})
    rows = a.await_versions(sid, 4)

    assert blank["parked"] == "a new directory that nobody has edited yet"
    assert edited["parked"] == HELD
    assert rows[3]["parked"] is None
    assert (head(b, sid), holder(b, sid), note(b, sid)) == (4, "a", "a")
    assert HELD in b.cli("log", sid).stdout
    assert "held by host a" in b.cli("status", sid).stdout


def test_a_save_takes_the_session_only_by_force_from_a_host_that_is_alive(a, b, shop):
    sid, on_a, on_b = shop
    appear(on_b, {**PROJECT, "App.js": "work of b"})
    b.await_versions(sid, 2)
    write(on_b, {"App.js": "worth saving"})

    refused = b.cli("save", sid)
    saved = b.cli("save", sid, "--force")
    write(on_a, {"App.js": "after it"})
    late = a.await_versions(sid, len(a.site.versions(sid)) + 1)[-1]

    assert (refused.returncode, saved.returncode) == (11, 0), saved.stderr
    assert "host a holds session" in refused.stderr
    assert holder(a, sid) == "b"
    assert late["parked"] == LATE
    assert b.cli("cat", sid, "App.js").stdout == "worth saving"


def test_a_host_that_died_is_taken_over_and_comes_back_to_a_place_beside(a, b, shop):
    sid, on_a, on_b = shop
    a.kill()
    refused = b.cli("restore", sid)
    lease_is_over(b, "a")
    b.ask("restore", sid)
    write(on_b, {"App.js": "goes on at b"})
    b.await_versions(sid, 2)
    write(on_a, {"App.js": "while a was down"})

    a.start()
    rows = a.await_versions(sid, 3)

    assert refused.returncode == 11
    assert [row["parked"] for row in rows] == [None, None, LATE]
    assert (head(a, sid), holder(a, sid)) == (2, "b")
