"""Who changes something is written down, before and after, and never with a secret."""

import json
from types import SimpleNamespace

import pytest

from expokeep.control.peer import Peer
from expokeep.control.routes import Call, Document, Lines, Route
from expokeep.errors import BackendUnreachable, NotFound
from expokeep.service.auditing import HARMLESS, Auditing
from expokeep.service.rights import Caller

OPERATOR = Peer(0, 0, 1, frozenset({0}))


class Table:
    """Writes down what is written down, while Postgres is there."""

    def __init__(self):
        self.begun, self.ended, self.is_away = [], [], False

    def begin(self, act):
        if self.is_away:
            raise BackendUnreachable("nobody is there")
        self.begun.append(act)
        return len(self.begun)

    def end(self, number, ending):
        self.ended.append((number, ending.exit_code, ending.error))
        self.answered = ending.answered


@pytest.fixture
def table():
    return Table()


def covered(table, handler, *, uid=None, pattern="/v1/sessions/{session}/delete"):
    parts = SimpleNamespace(
        engine=SimpleNamespace(host=SimpleNamespace(name="a")), catalog_error=None
    )
    rights = SimpleNamespace(caller=lambda _peer: Caller(uid=uid))
    route = Route("POST", pattern, handler)
    return Auditing(parts, rights, table).covering(route).handler


def call(path=None, **body):
    return Call(OPERATOR, path or {"session": "shop"}, {}, json.dumps(body).encode())


def fine(_call):
    return Document(b"{}")


def refuse(_call):
    raise NotFound("no session shop")


def test_an_act_is_written_down_before_it_is_done(table):
    def handler(_call):
        assert len(table.begun) == 1
        assert not table.ended
        return Document(b"{}")

    covered(table, handler)(call(now=True))

    (act,) = table.begun
    assert (act.action, act.subject, act.session) == (
        "POST /v1/sessions/{session}/delete",
        "shop",
        "shop",
    )
    assert act.details == {"now": True}
    assert table.ended == [(1, 0, None)]


def test_a_failure_is_written_down_and_goes_on(table):
    with pytest.raises(NotFound):
        covered(table, refuse)(call())

    assert table.ended == [(1, 10, "no session shop")]


def test_an_answer_in_lines_ends_with_its_last_one(table):
    reply = covered(table, lambda _: Lines(iter([b"1", b"2"])))(call())

    assert not table.ended
    assert list(reply.objects) == [b"1", b"2"]
    assert table.ended == [(1, 0, None)]


def test_whoever_leaves_in_the_middle_is_seen_to(table):
    reply = covered(table, lambda _: Lines(iter([b"1", b"2"])))(call())

    next(reply.objects)
    reply.objects.close()

    assert table.ended == [(1, 130, "whoever asked has left")]


def test_no_secret_is_written_down(table):
    nested = [{"token": "t", "name": "n\0"}]
    body = {"password": "p", "nested": nested, "url": "a", "allow_secrets": True}

    covered(table, fine, pattern="/v1/x/{share}")(call({"share": "s" * 43}, **body))

    (act,) = table.begun
    assert act.details == {
        "password": "***",
        "nested": [{"token": "***", "name": "n\\0"}],
        "url": "a",
        "allow_secrets": True,
    }
    assert act.subject == "***"


def test_what_was_named_by_a_secret_is_known_by_the_answer(table):
    answer = {"shares": ["shr-a"], "session": "shop", "url": "https://a/secret"}

    covered(table, lambda _: Document(json.dumps(answer).encode()))(call(token="t"))

    assert table.answered == {"session": "shop", "shares": ["shr-a"]}


def test_who_takes_a_session_from_another_host_is_written_down(table):
    pattern = "/v1/sessions/{session}/save"

    covered(table, fine, pattern=pattern)(call())
    assert not table.begun

    covered(table, fine, pattern=pattern)(call(force=True))
    assert table.ended == [(1, 0, None)]


@pytest.mark.parametrize(
    "beside",
    ['"' + "x" * 5000 + '"', "1e999", "[" * 700 + "]" * 700, '"\udcff"'],
    ids=["long", "beyond all numbers", "deep", "no UTF-8"],
)
def test_nothing_said_beside_it_hides_that_a_session_is_taken(table, beside):
    body = f'{{"force": true, "message": {beside}}}'.encode(errors="surrogateescape")

    covered(table, fine, pattern="/v1/sessions/{session}/save")(
        Call(OPERATOR, {"session": "shop"}, {}, body)
    )

    (act,) = table.begun
    json.dumps(act.details, allow_nan=False)  # Postgres takes it
    assert table.ended == [(1, 0, None)]


def test_a_dry_run_is_no_act(table):
    covered(table, fine)(call(dry_run=True))

    assert not table.begun


def test_refusals_of_strangers_fill_no_table(table):
    with pytest.raises(NotFound):
        covered(table, refuse, uid=1000)(call())
    assert not table.begun

    covered(table, fine, uid=1000)(call())
    assert table.ended == [(1, 0, None)]


def test_what_cannot_be_written_down_is_done_all_the_same(table):
    table.is_away = True

    assert covered(table, fine)(call()) == Document(b"{}")


@pytest.mark.parametrize("pattern", sorted(HARMLESS))
def test_what_only_adds_is_left_alone(table, pattern):
    covered(table, fine, pattern=pattern)(call())

    assert not table.begun
