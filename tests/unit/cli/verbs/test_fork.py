from expokeep.errors import NotFound
from expokeep.fork.documents import Forked
from expokeep.fork.values import SessionExists

ROUTE = "/v1/versions/{ref}/fork"


def forked(**more):
    told = {
        "session": "new",
        "version": 1,
        "origin_session": "shop",
        "origin_version": 17,
        "owner": "ann",
        "project_name": "Shop",
        "file_count": 12,
        "size_bytes": 2048,
    }
    return Forked(**{**told, **more})


def test_a_fork_tells_what_begins_with_what(run, asked):
    asked.answers[ROUTE] = forked()

    ended = run("fork", "shop@17", "--session", "new", "--user", "ann", "-m", "é")

    assert ended.code == 0
    assert ended.out == (
        "new begins with shop@17: 12 files, 2.0 KB, nothing uploaded\n"
    )
    assert asked.calls[-1].path == {"ref": "shop@17"}
    assert asked.body() == {
        "session": "new",
        "user": "ann",
        "name": None,
        "message": "é",
    }


def test_a_script_hears_only_the_new_id(run, asked):
    asked.answers[ROUTE] = forked()

    assert run("fork", "shop", "--quiet").out == "new\n"


def test_a_name_that_is_taken_is_refused_with_a_way_on(run, asked):
    asked.answers[ROUTE] = SessionExists("there is a session new already")

    ended = run("fork", "shop", "--session", "new")

    assert ended.code == 4
    assert "hint: Name another one, or none" in ended.err


def test_what_is_not_kept_is_not_forked(run, asked):
    asked.answers[ROUTE] = NotFound("no session shop is kept")

    assert run("fork", "shop").code == 10


def test_only_the_daemon_forks(run):
    assert run("fork", "shop", "--direct").code == 2
