"""A save that a person asks for, by a daemon that would not have saved for long."""

import os

from daemons import digests, write

MIB = 1 << 20

SETTINGS = """\
debounce: {quiet: 10m, max-wait: 1h}
storage: {retries: 2, retry-max-delay: 500ms}
"""
"""Nothing settles in a test: what is kept was asked for."""


def test_a_large_file_goes_up_in_parts_and_comes_back_the_same(daemon, site):
    sid, place = site.session()
    block = os.urandom(MIB)
    elsewhere = site.top / "large"
    elsewhere.mkdir()
    with (elsewhere / "video.mp4").open("wb") as file:
        for number in range(300):
            file.write(number.to_bytes(4, "big") + block[4:])

    with site.relay.recorded() as seen:
        elsewhere.rename(place)
        told = daemon.lines("save", sid, "-m", "with a film")

    parts = [one for one in seen if "partNumber=" in one.target]
    assert [one.method for one in parts] == ["PUT"] * len(parts)
    sizes = [one.sent_bytes for one in parts]
    assert sum(sizes) >= 300 * MIB
    assert max(sizes) == 16 * MIB
    assert sizes.count(16 * MIB) == len(sizes) - 1
    *steps, saved = told
    assert saved["state"] == "recorded"
    assert steps
    done = [one["done_bytes"] for one in steps]
    assert done == sorted(done)
    assert all(0 <= one["done_bytes"] <= one["total_bytes"] for one in steps)

    back = site.top / "large-back"
    daemon.ask("restore", sid, "--to", back)
    assert digests(back) == digests(place)


def test_a_save_says_what_was_asked_and_what_became_of_it(daemon, site):
    sid, place = site.session()
    write(place, {"app.json": '{"expo": {"name": "My Shop"}}', "App.js": "1"})

    saved = daemon.ask("save", sid, "-m", "first", "--user", "alice")

    assert (saved["version"], saved["project_name"]) == (1, "My Shop")
    assert saved["stored_bytes"] > 0
    (version,) = daemon.ask("log", sid)["versions"]
    assert (version["message"], version["author"]) == ("first", "alice")
    of_alice = daemon.ask("sessions", "--user", "alice")["sessions"]
    assert [one["session"] for one in of_alice] == [sid]
    assert daemon.ask("sessions", "--user", "bob")["sessions"] == []
