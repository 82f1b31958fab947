from expokeep.errors import NotFound
from expokeep.retention.documents import SessionUndeleted

ROUTE = "/v1/sessions/{session}/undelete"


def test_a_session_is_back(run, asked):
    asked.answers[ROUTE] = SessionUndeleted(session="shop")

    assert run("undelete", "shop").out == "shop is back\n"


def test_what_is_gone_does_not_come_back(run, asked):
    asked.answers[ROUTE] = NotFound("no deleted session shop can be had back")

    assert run("undelete", "shop").code == 10
