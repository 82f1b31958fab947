"""Two users on two hosts: what one lends, the other has; what is over, is over.

Two daemons with two state directories, one Postgres, one bucket, one pepper.
"""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from daemons import QUICK, Daemon, Site, appear, daemon_on, digests, until, write

ANN, BOB = "ann@example.com", "bob@example.com"
PEPPER = {"EXPOKEEP_SHARING_PEPPER": "one-pepper-for-all-hosts"}
PROJECT = {
    "package.json": "{}",
    "App.js": "as ann began",
    "src/Button.js": "// a button",
    "assets/icon.png": bytes(range(256)) * 64,
}
LATE = "recorded by host a after host b took the session over"
CANNOT_BE_USED = 14
NOT_FOUND = 10


@pytest.fixture(scope="module")
def hosts(site: Site) -> Iterator[tuple[Daemon, Daemon]]:
    site_of_b = replace(site, top=site.top / "b")
    site_of_b.watch.mkdir(parents=True)
    with (
        daemon_on(site, "a", settings=named("a", site), environment=PEPPER) as a,
        daemon_on(
            site_of_b, "b", settings=named("b", site_of_b), environment=PEPPER
        ) as b,
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
def anns(a) -> tuple[str, Path]:
    """A session on host a that is ann's: its id and its directory."""
    sid, top = a.site.session("ann")
    appear(top, PROJECT)
    a.await_versions(sid, 1)
    a.ask("save", sid, "--user", ANN)
    return sid, top


def named(name: str, site: Site) -> str:
    return f"{QUICK}host-name: {name}\nwatch: [{{dir: {site.watch}}}]\n"


def as_(user, *words):
    return ("--as", user, *words)


def lent(daemon, sid):
    return daemon.ask(*as_(ANN, "share", "create", sid))


def imported(daemon, token):
    """Let bob import on a host; return his session, and its directory there."""
    bobs = daemon.site.session("bob")
    daemon.ask(
        *as_(BOB, "share", "import", token, "--session", bobs[0], "--to", bobs[1])
    )
    return bobs


def restored(daemon, user, ref):
    """Return what a user gets who restores a version to a place of its own."""
    target = daemon.site.top / f"back-{len(list(daemon.site.top.glob('back-*')))}"
    done = daemon.cli(*as_(user, "restore", ref, "--to", target))
    assert done.returncode == 0, done.stderr
    return digests(target)


def seen_by(daemon, user):
    listed = daemon.ask(*as_(user, "list"))["builds"]
    return {one["session"] for one in listed}


def test_each_goes_on_with_a_copy_of_their_own(a, b, anns):
    sid, on_a = anns
    bobs, on_b = imported(b, lent(a, sid)["token"])
    assert digests(on_b) == digests(on_a)

    write(on_b, {"App.js": "as bob goes on", "bob.js": "new"})
    write(on_a, {"App.js": "as ann goes on"})
    until(lambda: len(b.site.versions(bobs)) >= 2, "bob's edit is kept")
    until(lambda: len(a.site.versions(sid)) >= 2, "ann's edit is kept")

    assert restored(b, BOB, bobs) == digests(on_b)
    assert restored(a, ANN, sid) == digests(on_a)
    assert restored(b, BOB, f"{bobs}@1") == restored(a, ANN, f"{sid}@1")
    assert [row["parked"] for row in b.site.versions(bobs)] == [None, None]
    assert [row["parked"] for row in a.site.versions(sid)] == [None, None]


@pytest.mark.long
def test_neither_sees_what_is_the_others_on_either_host(a, b, anns):
    sid, _ = anns
    bobs, _ = imported(b, lent(a, sid)["token"])

    for daemon in (a, b):
        of_ann, of_bob = seen_by(daemon, ANN), seen_by(daemon, BOB)
        assert (sid in of_ann, bobs in of_ann) == (True, False)
        assert (sid in of_bob, bobs in of_bob) == (False, True)
    never = a.site.top / "never"
    for daemon, user, other in ((a, BOB, sid), (b, BOB, sid), (b, ANN, bobs)):
        for words in (
            ("log", other),
            ("restore", other, "--to", never),
            ("delete", other, "--yes"),
        ):
            refused = daemon.cli(*as_(user, *words))
            assert refused.returncode == NOT_FOUND, (words, refused.stderr)
    assert not never.exists()


def test_what_is_revoked_opens_nothing_and_takes_nothing_away(a, b, anns):
    sid, on_a = anns
    share = lent(a, sid)
    bobs, on_b = imported(b, share["token"])

    a.ask(*as_(ANN, "share", "revoke", share["token"], "--yes"))
    again = b.cli(*as_(BOB, "share", "import", share["token"]))
    unknown = b.cli(*as_(BOB, "share", "import", "x" * 43))

    assert (again.returncode, unknown.returncode) == (CANNOT_BE_USED, CANNOT_BE_USED)
    assert again.stderr == unknown.stderr
    assert restored(b, BOB, bobs) == digests(on_b) == digests(on_a)


def test_what_is_deleted_by_one_stays_with_the_other(a, b, anns):
    sid, on_a = anns
    wanted = digests(on_a)
    bobs, _ = imported(b, lent(a, sid)["token"])

    a.ask(*as_(ANN, "delete", sid, "--yes"))
    a.ask("delete", sid, "--now", "--yes")
    a.ask("gc", "--yes")

    assert restored(b, BOB, bobs) == wanted
    assert a.cli(*as_(ANN, "log", sid)).returncode == NOT_FOUND


def test_a_session_moves_to_the_other_host_and_late_work_is_kept_beside(a, b, anns):
    sid, on_a = anns
    on_b = b.site.watch / on_a.name
    refused = b.cli(*as_(ANN, "restore", sid, "--to", on_b))
    b.ask(*as_(ANN, "restore", sid, "--to", on_b, "--force"))
    assert digests(on_b) == digests(on_a)

    write(on_b, {"App.js": "ann goes on at b"})
    on = until(lambda: _newest(b, sid, 2), "what was done at b is kept")
    write(on_a, {"App.js": "ann, late, at a"})
    late = until(lambda: _newest(a, sid, 3), "what was done late is kept")

    assert refused.returncode == 11, refused.stderr
    assert (on["parked"], late["parked"]) == (None, LATE)
    assert restored(a, ANN, sid) == digests(on_b)
    assert restored(b, ANN, f"{sid}@{late['seq']}") == digests(on_a)
    assert b.cli(*as_(BOB, "log", sid)).returncode == NOT_FOUND


def _newest(daemon, sid, count):
    rows = daemon.site.versions(sid)
    return rows[-1] if len(rows) >= count else None
