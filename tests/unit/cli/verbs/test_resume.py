from expokeep.history.documents import Paused


def test_a_pause_ends(run, asked):
    asked.answers["/v1/resume"] = Paused(everything=False, sessions=())

    ended = run("resume", "shop")

    assert (ended.code, ended.out) == (0, "nothing is held back\n")
    assert asked.body() == {"session": "shop", "for_s": None}


def test_what_others_hold_back_is_named(run, asked):
    asked.answers["/v1/resume"] = Paused(everything=False, sessions=("other",))

    assert run("resume", "shop").out == "held back: other\n"


def test_one_session_does_not_go_on_while_all_are_held_back(run, asked):
    asked.answers["/v1/resume"] = Paused(everything=True, sessions=())

    ended = run("resume", "shop")

    assert ended.code == 1
    assert "resume --all" in ended.err
