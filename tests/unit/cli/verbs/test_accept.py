from expokeep.errors import AccessDenied
from expokeep.history.documents import Accepted

ROUTE = "/v1/versions/{ref}/accept"


def test_an_accepted_version_is_said_to_be_the_newest(run, asked):
    asked.answers[ROUTE] = Accepted(session="shop", version=18, replaced=17)

    ended = run("accept", "shop@18")

    assert ended.code == 0
    assert ended.out == "version 18 of shop is the newest, instead of version 17\n"
    assert asked.calls[-1].path == {"ref": "shop@18"}
    assert not asked.may_be_short()


def test_it_is_a_document_on_request(run, asked):
    asked.answers[ROUTE] = Accepted(session="shop", version=1, replaced=None)

    assert '"message_type":"accepted"' in run("accept", "shop@1", "--json").out


def test_who_may_not_is_told_so(run, asked):
    asked.answers[ROUTE] = AccessDenied("this is for operators")

    assert run("accept", "shop@18").code == 12
