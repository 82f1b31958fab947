"""Quotas with the real daemon: what is refused, what is kept all the same, and how
both are said."""

import shutil
from concurrent.futures import ThreadPoolExecutor

import pytest

from daemons import QUICK, appear, daemon_on, until, write

SETTINGS = (
    QUICK
    + """\
limits: {max-builds-per-user: 2, max-build-size-mb: 1}
reconcile-interval: 2s
"""
)


def session(daemon, site, name="s", files=None):
    """Make a session, and wait until it is kept; nobody's so far."""
    sid, place = site.session(name)
    appear(place, files or {"App.js": sid, "package.json": "{}"})
    daemon.await_versions(sid, 1)
    return sid, place


def saved(daemon, sid, user):
    return daemon.cli("save", sid, "--user", user, "-m", "mine")


def kinds(daemon, sid):
    return [one["kind"] for one in daemon.lines("events", "--json") if _is_of(one, sid)]


def _is_of(event, sid):
    return event["message_type"] == "event" and event["session"] == sid


def builds(daemon, user):
    return sorted(
        one["session"]
        for one in daemon.ask("list", "--user", user)["builds"]
        if one["version"]
    )


def test_one_build_too_many_is_refused_until_there_is_room(daemon, site):
    own = [session(daemon, site)[0] for _ in range(2)]
    third, place = session(daemon, site)
    for sid in own:
        assert saved(daemon, sid, "ann").returncode == 0

    refused = saved(daemon, third, "ann")

    assert refused.returncode == 13
    assert "ann has 2 builds of 2" in refused.stderr
    assert "quota.exceeded" in kinds(daemon, third)
    assert builds(daemon, "ann") == sorted(own)
    # Nothing of it is lost: it is the operators' as before, and captured on.
    write(place, {"App.js": "edited"})
    daemon.await_versions(third, 2)

    daemon.ask("quota", "set", "--user", "ann", "--builds", "3")
    assert saved(daemon, third, "ann").returncode == 0
    assert builds(daemon, "ann") == sorted([*own, third])
    (quota,) = daemon.ask("quota", "show", "--user", "ann")["users"]
    assert (quota["builds"], quota["max_builds"], quota["waiting"]) == (3, 3, 0)


def test_forks_and_undeletes_are_held_as_well(daemon, site):
    own = [session(daemon, site)[0] for _ in range(2)]
    for sid in own:
        saved(daemon, sid, "bob")

    forked = daemon.cli("--as", "bob", "fork", own[0])
    daemon.ask("--as", "bob", "delete", own[1], "--yes")
    again = daemon.cli("--as", "bob", "fork", own[0])
    back = daemon.cli("--as", "bob", "undelete", own[1])

    assert (forked.returncode, again.returncode, back.returncode) == (13, 0, 13)
    assert len(builds(daemon, "bob")) == 2
    # Nothing of what was refused is left behind.
    assert len(daemon.ask("sessions", "--user", "bob")["sessions"]) == 2


def test_an_import_beyond_a_quota_leaves_nothing_behind(daemon, site):
    own = [session(daemon, site)[0] for _ in range(2)]
    for sid in own:
        saved(daemon, sid, "erin")
    archive = site.top / "erins.tar.gz"
    daemon.ask("export", own[0], "-o", archive)
    third, place = site.session()

    refused = daemon.cli(
        "import", "--from-archive", archive, "--session", third, "--user", "erin"
    )

    assert refused.returncode == 13
    assert "erin has 2 builds of 2" in refused.stderr
    assert not place.exists()
    # Not for a moment was it there, for the daemon to keep as nobody's.
    daemon.ask("flush", "--all")
    assert daemon.cli("log", third).returncode == 10


def test_of_two_who_save_at_once_one_gets_the_last_place(daemon, site):
    first = session(daemon, site)[0]
    saved(daemon, first, "carol")
    others = [session(daemon, site)[0] for _ in range(2)]

    with ThreadPoolExecutor(2) as pool:
        ended = pool.map(lambda sid: saved(daemon, sid, "carol"), others)
        codes = sorted(one.returncode for one in ended)

    assert codes == [0, 13]
    assert len(builds(daemon, "carol")) == 2


def test_a_build_that_is_too_big_is_kept_without_its_largest_file(daemon, site):
    files = {"App.js": "source", "package.json": "{}", "movie": b"m" * (2 << 20)}
    sid, place = session(daemon, site, files=files)

    done = daemon.cli("save", sid, "--json")

    assert done.returncode == 3
    assert '"reason":"build too big"' in done.stdout.replace(": ", ":")
    listed = daemon.cli("ls", sid).stdout
    assert "App.js" in listed
    assert "movie" not in listed
    assert kinds(daemon, sid).count("build.too_big") == 1
    (line,) = daemon.ask("status", sid)["sessions"]
    assert line["skipped"] == [{"path": "movie", "reason": "build too big"}]
    shutil.rmtree(place)


WITHOUT_FLAGS = ("bash", "-c", 'exec "$1" "$2" "$3"', "bash")
"""Before a daemon: what the file says of `watch` holds, not what is said behind it."""


@pytest.fixture(scope="module")
def owned(prepare_site):
    """A daemon whose sessions all begin as ann's."""
    with prepare_site() as site:
        settings = (
            QUICK
            + f"watch: [{{dir: {site.watch}, user: ann}}]\n"
            + "limits: {max-builds-per-user: 1, max-build-size-mb: 1,"
            + " on-build-too-big: reject}\n"
        )
        with daemon_on(site, settings=settings, before=WITHOUT_FLAGS) as daemon:
            daemon.start()
            yield daemon, site
            assert daemon.stop() == 0, daemon.story


def test_what_is_captured_by_itself_is_parked_while_there_is_no_room(owned):
    daemon, site = owned
    daemon.ask("quota", "set", "--user", "ann", "--builds", "default")
    first, _ = session(daemon, site)
    second, place = session(daemon, site)

    (line,) = daemon.ask("status", second)["sessions"]
    refused = daemon.cli("save", second)

    assert "ann has 1 builds of 1" in line["over_quota"]
    assert daemon.ask("status")["over_quota_count"] == 1
    assert refused.returncode == 13
    assert "quota.exceeded" in kinds(daemon, second)
    assert site.versions(second)[0]["parked"].startswith("over quota: ")
    assert builds(daemon, "ann") == [first]

    daemon.ask("delete", first, "--yes")
    assert daemon.cli("save", second).returncode == 0
    assert builds(daemon, "ann") == [second]
    assert daemon.ask("status", second)["sessions"][0]["over_quota"] is None
    assert place.exists()


@pytest.mark.long
def test_a_build_that_is_too_big_stays_at_its_last_version_if_that_is_wanted(owned):
    daemon, site = owned
    daemon.ask("quota", "set", "--user", "ann", "--builds", "9")
    sid, place = session(daemon, site)
    write(place, {"movie": b"m" * (2 << 20), "App.js": "edited"})

    until(lambda: daemon.ask("status", sid)["sessions"][0]["too_big"], "it is told")
    refused = daemon.cli("save", sid)

    assert refused.returncode == 13
    assert "a build may have 1.0 MB" in refused.stderr
    assert len(site.versions(sid)) == 1
    assert kinds(daemon, sid).count("build.too_big") == 1
    (place / "movie").unlink()
    daemon.await_versions(sid, 2)
