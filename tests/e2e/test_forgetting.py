"""Forgetting with the real daemon: by rule, by hand, and by itself."""

import shutil

from daemons import QUICK, appear, until, write

SETTINGS = (
    QUICK
    + """\
retention: {grace: 0s, keep-last: 2, keep-hourly: 0, keep-daily: 0}
"""
)


def kept(daemon, site, count=4):
    sid, place = site.session()
    appear(place, {"App.js": "1", "package.json": "{}"})
    daemon.await_versions(sid, 1)
    for number in range(2, count + 1):
        write(place, {"App.js": f"{number} " * 400})
        daemon.await_versions(sid, number)
    return sid, place


def seqs(daemon, sid):
    log = daemon.ask("log", sid)
    return sorted(version["seq"] for version in log["versions"])


def objects_of(site, sid):
    with site.asking() as s3:
        found = s3.list_objects_v2(Bucket=site.bucket, Prefix=f"v1/main/{sid}/")
    return found["KeyCount"]


def test_versions_are_forgotten_by_the_settings_and_what_is_labelled_stays(
    daemon, site
):
    sid, _place = kept(daemon, site)
    daemon.ask("label", f"{sid}@1", "first")
    daemon.ask("pin", f"{sid}@2")

    planned = daemon.cli("forget", sid, "--dry-run")
    assert "0 versions would be forgotten" in planned.stdout
    daemon.ask("unpin", f"{sid}@2")
    done = daemon.cli("forget", sid)

    assert done.returncode == 0
    assert f"{sid}: 2; 3 versions stay" in done.stderr
    assert seqs(daemon, sid) == [1, 3, 4]
    assert daemon.ask("show", f"{sid}@label:first")["version"]["seq"] == 1


def test_a_deleted_session_is_hidden_and_comes_back(daemon, site):
    sid, place = kept(daemon, site, 2)

    deleted = daemon.cli("delete", sid)
    hidden = daemon.cli("log", sid)
    listed = daemon.ask("sessions", "--deleted")
    daemon.ask("undelete", sid)

    assert "2 versions" in deleted.stdout
    assert hidden.returncode == 10
    assert "undelete" in hidden.stderr
    assert sid in [one["session"] for one in listed["sessions"]]
    assert seqs(daemon, sid) == [1, 2]

    daemon.cli("delete", sid)
    daemon.ask("save", sid)
    assert seqs(daemon, sid) == [1, 2]
    assert place.exists()


def test_what_is_deleted_for_good_is_freed(daemon, site):
    sid, place = kept(daemon, site, 2)
    other, _ = kept(daemon, site, 1)
    shutil.rmtree(place)

    gone = daemon.cli("delete", sid, "--now", "--yes")
    freed = until(
        lambda: (
            daemon.cli("gc", "--yes").returncode == 0 and objects_of(site, sid) == 0
        ),
        "the objects of a deleted session go",
    )

    assert "is gone" in gone.stdout
    assert freed
    assert daemon.cli("undelete", sid).returncode == 10
    assert seqs(daemon, other) == [1]


def test_who_has_no_right_forgets_nothing(daemon, site):
    assert daemon.cli("forget", "no-such-session").returncode == 10
    assert daemon.cli("delete", "no-such-session").returncode == 10
    assert daemon.cli("gc", "--dry-run").returncode == 0
