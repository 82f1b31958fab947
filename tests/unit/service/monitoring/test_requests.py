"""Answers are counted by the status that they have in the end."""

import pytest

from expokeep.control.routes import Bytes, Call, Document, Lines
from expokeep.errors import Busy, NotFound
from expokeep.service.monitoring.declared import counts
from expokeep.service.monitoring.requests import counted

CALL = Call(peer=None, path={}, query={}, body=b"")


def told(kept):
    return {
        one.labels: one.value
        for one in kept.samples()
        if one.name == "control_requests_total"
    }


def raising(error):
    def handler(_call):
        raise error

    return handler


@pytest.mark.parametrize(
    ("error", "status"),
    [(NotFound("x"), "404"), (Busy("x"), "409"), (KeyError("a fault"), "500")],
)
def test_an_error_counts_with_its_status_and_goes_on(error, status):
    kept = counts()

    with pytest.raises(type(error)):
        counted(kept, raising(error))(CALL)

    assert told(kept) == {(status,): 1}


def test_a_document_is_handed_on_as_it_is():
    kept, reply = counts(), Document(b"{}")

    assert counted(kept, lambda _: reply)(CALL) is reply
    assert told(kept) == {("200",): 1}


@pytest.mark.parametrize("kind", [Lines, Bytes])
def test_what_comes_bit_by_bit_counts_once_with_its_first_bit(kind):
    kept = counts()
    reply = counted(kept, lambda _: kind(iter([b"1", b"2", b"3"])))(CALL)
    items = reply.objects if kind is Lines else reply.chunks

    before = told(kept)
    assert list(items) == [b"1", b"2", b"3"]

    assert before == {}
    assert told(kept) == {("200",): 1}


def test_an_error_before_the_first_bit_is_what_is_counted():
    def items():
        raise NotFound("x")
        yield b""

    kept = counts()
    reply = counted(kept, lambda _: Lines(items()))(CALL)

    with pytest.raises(NotFound):
        next(reply.objects)

    assert told(kept) == {("404",): 1}


def test_whoever_leaves_in_the_middle_lets_go_of_what_is_held():
    let_go = []

    def items():
        try:
            yield b"1"
            yield b"2"
        finally:
            let_go.append(True)

    reply = counted(counts(), lambda _: Lines(items()))(CALL)
    next(reply.objects)
    reply.objects.close()

    assert let_go == [True]


def test_an_answer_of_nothing_counts_too():
    kept = counts()

    assert list(counted(kept, lambda _: Lines(iter(())))(CALL).objects) == []
    assert told(kept) == {("200",): 1}
