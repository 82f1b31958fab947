"""What there is, what it takes, and what it costs: asked of a real daemon."""

import os

import psycopg
import pytest

from daemons import daemon_on, digests, write

KB = 1000
MB = 1000 * KB
SHOWN_MB = 1024 * 1024
"""What the rest of the world calls a MiB, and `stats` a MB."""
BUILDS = 10


def stored_of_ten(prepare_site, unit):
    """Keep ten builds of fifty units that all have and five of its own each.

    Nobody can compress any of it. Returns what `stats` says.
    """
    with prepare_site() as site, daemon_on(site) as daemon:
        common = {f"assets/{n}.png": os.urandom(unit) for n in range(50)}
        places = dict(site.session("twin") for _ in range(BUILDS))
        for place in places.values():
            write(place, common | {f"own/{n}.png": os.urandom(unit) for n in range(5)})
        daemon.start()
        for sid in places:
            daemon.await_versions(sid, 1)
        daemon.ask("flush", "--all", "--wait")
        stats = daemon.ask("stats")
        each = daemon.ask("stats", "--by", "session")["by_session"]
        last = next(reversed(places))
        daemon.ask("restore", last, "--to", site.top / "back")
        assert digests(site.top / "back") == digests(places[last])
        assert daemon.stop() == 0, daemon.story
    assert {one["session"] for one in each} == set(places)
    assert sum(one["stored_bytes"] for one in each) == stats["stored_bytes"]
    assert stats["head_bytes"] == BUILDS * 55 * unit
    assert stats["distinct_bytes"] == (50 + BUILDS * 5) * unit
    return stats


def require_stored_once(stats, unit):
    # R79. The bound is a hundred units as `stats` shows them, larger by 4.9 %; packs,
    # frames and manifests add very little to bare contents.
    assert stats["stored_bytes"] <= 100 * unit * SHOWN_MB / MB
    assert stats["stored_bytes"] <= 1.02 * stats["distinct_bytes"]
    assert stats["logical_bytes"] >= stats["head_bytes"]


def test_ten_builds_that_have_most_in_common_take_little_more_than_one(prepare_site):
    stats = stored_of_ten(prepare_site, 100 * KB)

    require_stored_once(stats, 100 * KB)
    assert stats["dedup_ratio"] >= 5.5


@pytest.mark.long
@pytest.mark.timeout(600)
def test_ten_builds_of_fifty_five_megabytes_take_a_hundred(prepare_site):
    require_stored_once(stored_of_ten(prepare_site, MB), MB)


def test_what_was_done_is_counted_by_user_and_by_day(daemon, site):
    sid, place = site.session()
    write(place, {"App.js": "1"})
    daemon.ask("save", sid, "--user", "ann")
    (place / "App.js").write_text("22")
    daemon.ask("save", sid)
    daemon.ask("restore", sid, "--to", site.top / "copy")

    stats = daemon.ask("stats")
    (ann,) = [
        one for one in daemon.ask("stats", "--by", "user")["users"] if one["user"]
    ]
    today = daemon.ask("stats", "--by", "day")["days"][0]

    assert (ann["user"], ann["sessions"], ann["saves"], ann["restores"]) == (
        *("ann", 1, 2, 1),
    )
    assert ann["saves_per_day"] == 2.0
    assert ann["logical_bytes"] == 3
    assert stats["restored_sessions"] == 1
    assert stats["restoration_rate"] == stats["restores"] / stats["active_sessions"]
    assert (today["users"], today["saves"]) == (1, stats["saves"])
    assert today["class_a"] >= 2
    assert today["class_b"] >= 1
    assert today["sent_bytes"] >= stats["stored_bytes"] == today["stored_bytes"] > 0
    assert today["received_bytes"] > 0


def test_what_was_counted_survives_a_restart_and_an_idle_daemon_writes_nothing(
    daemon, site
):
    sid, place = site.session()
    write(place, {"App.js": "1"})
    daemon.ask("save", sid)
    before = daemon.ask("stats")

    daemon.restart()

    after = daemon.ask("stats")
    assert (after["saves"], after["restores"]) == (before["saves"], before["restores"])
    written = tallied(site)
    daemon.ask("stats")
    assert tallied(site) == written


def tallied(site):
    """Return the rows of what was counted, and by which transactions."""
    tables = ("activity_day", "usage_day", "stored_day")
    with psycopg.connect(site.database_url) as connection:
        return [
            connection.execute(
                f"SELECT xmin::text, ctid::text, * FROM expokeep.{table} ORDER BY 3, 4"
            ).fetchall()
            for table in tables
        ]


def test_the_bill_is_of_what_was_counted(daemon, site):
    sid, place = site.session()
    write(place, {"App.js": "1"})
    daemon.ask("save", sid)

    cost = daemon.ask("cost")
    stats = daemon.ask("stats")
    (today,) = daemon.ask("stats", "--by", "day")["days"]

    so_far = cost["so_far"]
    assert so_far["class_a"] <= today["class_a"]
    assert 0 < so_far["gb_months"] <= stats["stored_bytes"] / 1e9
    assert cost["projected"]["gb_months"] >= so_far["gb_months"]
    assert (so_far["total_usd"], so_far["egress_usd"]) == (0.0, 0.0)
    assert not cost["is_over_budget"]
    assert cost["prices"]["price_ratio"] == pytest.approx(16.6667)
    past = daemon.ask("cost", "--month", "2026-01")
    assert past["so_far"] == past["projected"]
    assert past["so_far"]["class_a"] == 0


def test_the_honest_figures_of_the_apps_own_example(daemon):
    # R26 to R29, R159.
    told = daemon.cli("cost", "--assume", "builds=100,size=20MB").stdout

    for words in (
        "database  $0.50 a month",
        "R2        $0.03 a month",
        "94 %, or 16.7x",
        "says $6 a month",
        "says $0.30 a month",
        "says that 95 %",
        "says about 20x",
    ):
        assert words in told
    found = daemon.ask("cost", "--assume", "builds=100,size=20MB")
    assert (found["database_usd"], found["storage_usd"]) == (0.5, 0.03)
    assert found["billed_usd"] == 0.0
    assert found["prices"]["saving_percent"] == 94.0
    other = daemon.ask("cost", "--assume", "builds=1000,size=20MB")
    assert (other["storage_usd"], other["billed_usd"]) == (0.3, 0.15)
    assert other["notes"] == []


def test_sums_are_for_operators(daemon, site):
    for words in (("stats",), ("cost",), ("cost", "--assume", "builds=1,size=1MB")):
        assert daemon.cli("--as", "ann", *words).returncode == 12
