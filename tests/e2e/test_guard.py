"""A project that loses most of its files, under the eyes of the real daemon."""

from daemons import appear, write

PROJECT = {f"src/{number}.js": f"// {number}\n" for number in range(10)}


def emptied(daemon, site):
    """Have a project kept, and then delete nine of its ten files."""
    sid, place = site.session()
    appear(place, PROJECT)
    daemon.await_versions(sid, 1)
    for number in range(1, 10):
        (place / f"src/{number}.js").unlink()
    return sid, place


def test_a_deletion_of_most_files_is_parked_until_it_is_accepted(daemon, site):
    sid, place = emptied(daemon, site)
    parked = daemon.await_versions(sid, 2)[1]
    before = daemon.cli("ls", sid).stdout
    told = daemon.cli("log", sid).stdout

    accepted = daemon.ask("accept", f"{sid}@2")
    write(place, {"src/0.js": "edited"})
    after = daemon.await_versions(sid, 3)[2]

    assert parked["parked"] == "it lost 9 of 10 files"
    assert "src/9.js" in before
    assert "it lost 9 of 10 files" in told
    assert (accepted["version"], accepted["replaced"]) == (2, 1)
    assert after["parked"] is None
    assert daemon.ask("sessions", sid)["sessions"][0]["head_seq"] == 3


def test_a_person_who_saves_an_emptied_project_is_asked_to_say_so(daemon, site):
    sid, _place = emptied(daemon, site)

    refused = daemon.cli("save", sid)
    again = daemon.cli("accept", f"{sid}@2")

    assert refused.returncode == 4
    assert "it lost 9 of 10 files" in refused.stderr
    assert again.returncode == 0


def test_a_forced_save_of_an_emptied_project_becomes_the_newest(daemon, site):
    sid, _place = emptied(daemon, site)

    saved = daemon.cli("save", sid, "--force")

    assert saved.returncode == 0
    assert daemon.ask("sessions", sid)["sessions"][0]["head_seq"] == 2
