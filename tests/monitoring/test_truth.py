"""What is told of a day, held to what the kernel, the bucket and the rows say of it."""

import os
import signal

import psycopg
import pytest

from daemons import QUICK, appear, until, write
from looking import all_saved, figures, grown

SETTINGS = f"""\
{QUICK}\
limits: {{max-builds-per-user: 2}}
database: {{facts-within: 1s}}
"""


def asked(site, query):
    """Return the one value of a query."""
    with psycopg.connect(site.database_url) as connection:
        (value,) = connection.execute(query).fetchone()
    return value


def kept(daemon, files, name="s"):
    sid, place = daemon.site.session(name)
    appear(place, files)
    daemon.await_versions(sid, 1)
    return sid, place


def test_events_are_counted_when_they_come_late_or_not_at_all(seen, site):
    daemon, window = seen
    _, place = kept(daemon, {"App.js": "1"})
    before = all_saved(window)
    # Taken at its event, before anything has settled.
    write(place, {"early.js": "2" * 999})
    until(
        lambda: grown(before, window.scrape(), "early_captures_total", outcome="taken"),
        "what was written is taken",
    )
    assert 0 <= window.scrape()("early_lag_seconds") < 30

    daemon.process.send_signal(signal.SIGSTOP)
    for number in range(20_000):
        (place / f"{number}").touch()
        (place / f"{number}").unlink()
    daemon.process.send_signal(signal.SIGCONT)

    until(
        lambda: grown(before, window.scrape(), "watch_overflows_total") >= 1,
        "that the kernel dropped events is told",
    )
    assert window.scrape()("watch_last_proof_age_seconds") < 60
    assert grown(before, window.scrape(), "watch_errors_total") == 0


def test_disk_and_limits_are_those_of_this_machine(seen, site):
    daemon, window = seen
    sid, place = kept(daemon, {"App.js": "1"})
    os.mkfifo(place / "pipe")
    daemon.cli("save", sid)

    scrape = until(
        lambda: s if (s := window.scrape()).sum("files_left_out") else None,
        "what is left out is told",
    )

    with open("/proc/sys/fs/inotify/max_user_watches") as limit:
        assert scrape("watches_limit") == int(limit.read())
    disk = os.statvfs(daemon.state)
    free_bytes = disk.f_bavail * disk.f_frsize
    assert scrape("spool_disk_free_bytes") == pytest.approx(free_bytes, rel=0.2)
    assert scrape("spool_state", state="ok") == scrape.sum("spool_state") == 1
    assert scrape("files_left_out", reason="not_a_file") == 1
    assert scrape.sum("files_left_out") == 1
    assert scrape("watch_degraded_sessions") == scrape("watch_unwatched_roots") == 0


def test_what_is_kept_proved_and_collected_is_what_rows_and_bucket_say(seen, site):
    daemon, window = seen
    before = figures(daemon, window)
    sid, _ = kept(daemon, {"App.js": "shop"}, "shop")
    gone, _ = kept(daemon, {"App.js": "gone"}, "gone")
    daemon.ask("delete", gone, "--yes")
    daemon.ask("restore", sid, "--to", site.top / "back")
    for verb in (["check"], ["drill", sid], ["gc"]):
        daemon.ask(*verb)
    all_saved(window)
    cost = daemon.ask("cost")  # has the daemon tell the catalog what it has counted
    after = figures(daemon, window)

    with site.asking() as s3:
        objects = s3.list_objects_v2(Bucket=site.bucket)["Contents"]
    packs = [one["Size"] for one in objects if one["Key"].endswith(".zst")]
    assert after("kept_objects") == len(packs)
    assert after("kept_bytes", kind="stored") == sum(packs)
    assert after("kept_versions") == asked(
        site, "SELECT count(*) FROM expokeep.version"
    )
    assert grown(before, after, "kept_sessions", state="deleted") == 1
    assert grown(before, after, "kept_restored_sessions") == 1
    assert grown(before, after, "drills_last_day", outcome="well") == 1
    assert after("drills_last_day", outcome="failed") == after("damage_found") == 0
    assert after("proof_well", kind="check") == after("proof_well", kind="drill") == 1
    # By hand counts as well: the alarm that told somebody to do it has an end.
    collected = after("chore_last_success_timestamp_seconds", chore="collect")
    assert abs(collected - after("proof_timestamp_seconds", kind="drill")) < 300
    assert after("cost_month_dollars", kind="so_far") == pytest.approx(
        float(cost["so_far"]["total_usd"]), abs=0.01
    )


def test_a_chore_is_counted_when_it_was_done(seen):
    daemon, window = seen
    kept(daemon, {"App.js": "noted in the bucket"})
    facts = {"chore": "facts"}

    until(
        lambda: window.scrape().sum("chore_runs_total", outcome="done", **facts),
        "facts are written",
    )

    after = figures(daemon, window)
    done_at_s = after("chore_last_success_timestamp_seconds", **facts)
    assert abs(after("catalog_figures_timestamp_seconds") - done_at_s) < 300
    assert after("chore_interval_seconds", chore="collect") == 6 * 3600
    assert after.sum("chore_runs_total", outcome="failed") == 0


def test_who_has_too_many_builds_is_counted_and_told_by_name(seen):
    daemon, window = seen
    sids = [kept(daemon, {"App.js": f"{number}"})[0] for number in range(3)]
    before = window.scrape()

    codes = [daemon.cli("save", sid, "--user", "dora").returncode for sid in sids]

    assert codes == [0, 0, 13]
    daemon.ask("cost")  # has the daemon tell the catalog what it has counted
    after = figures(daemon, window)
    assert grown(before, after, "quota_refusals_total") == 1
    assert after("user_quota_used_ratio", user="dora", quota="builds") == 1
    assert after("users_near_quota", level="100") == 1
    assert after("user_saves_per_day", user="dora") >= 2


def test_an_older_schema_is_told_where_nothing_else_can_be_read_for_it(seen, site):
    daemon, window = seen
    known = figures(daemon, window)("schema_version", kind="known")
    before = window.scrape()

    with psycopg.connect(site.database_url, autocommit=True) as connection:
        newest = connection.execute(
            "DELETE FROM expokeep.schema_migration"
            " WHERE number = (SELECT max(number) FROM expokeep.schema_migration)"
            " RETURNING number, name, checksum"
        ).fetchone()
        connection.execute("ALTER TABLE expokeep.share_refusal RENAME TO of_later")
        try:
            daemon.ask("reload")
            after = until(
                lambda: (
                    s
                    if grown(
                        before, s := window.scrape(), "catalog_figures_failures_total"
                    )
                    else None
                ),
                "the figures cannot be read",
            )
        finally:
            connection.execute("ALTER TABLE expokeep.of_later RENAME TO share_refusal")
            connection.execute(
                "INSERT INTO expokeep.schema_migration (number, name, checksum)"
                " VALUES (%s, %s, %s)",
                newest,
            )

    assert after("schema_version", kind="found") == known - 1
    assert after("schema_version", kind="known") == known
    assert figures(daemon, window)("schema_version", kind="found") == known
