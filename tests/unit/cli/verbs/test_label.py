from expokeep.retention.documents import Labelled

LABEL, UNLABEL = "/v1/versions/{ref}/label", "/v1/sessions/{session}/unlabel"


def test_a_label_moves_to_the_version_that_gets_it(run, asked):
    asked.answers[LABEL] = Labelled(session="shop", label="demo", version=7, before=3)

    ended = run("label", "shop@7", "demo")

    assert ended.out == "version 7 of shop is demo, no longer version 3\n"
    assert asked.calls[-1].path == {"ref": "shop@7"}
    assert asked.body() == {"name": "demo"}
    assert not asked.may_be_short()


def test_a_label_is_taken_away(run, asked):
    asked.answers[UNLABEL] = Labelled(
        session="shop", label="demo", version=None, before=3
    )

    ended = run("label", "--remove", "demo", "shop")

    assert ended.out == "version 3 of shop is no longer demo\n"
    assert asked.calls[-1].path == {"session": "shop"}


def test_half_a_wish_is_refused(run, asked):
    assert run("label", "shop@7").code == 2
    assert run("label", "shop@7", "demo", "--remove", "demo").code == 2
