"""Directories beyond the bounds: left alone, and taken on when there is room."""

from expokeep.model.names import parse_session_id
from expokeep.service.board import Board
from expokeep.service.turnstile import Turnstile
from expokeep.watch.settle import Settler
from expokeep.watch.values import SessionDirectory


def directory(name: str, uid: int = 1000) -> SessionDirectory:
    path = f"/tmp/expo-{name}".encode()
    return SessionDirectory(parse_session_id(name), path, 1, hash(name), uid)


def board(most: int, most_of_one: int = 100) -> Board:
    settler: Settler[SessionDirectory] = Settler(quiet_s=1.0, max_wait_s=2.0)
    made = Board(Turnstile(settler, lambda one: one.session), max_sessions=most)
    made.max_sessions_per_uid = most_of_one
    return made


def kept(held: Board) -> set[str]:
    return {line.directory.session for line in held.lines()}


def test_who_was_left_alone_is_taken_on_when_another_ends():
    held = board(2)
    for name in ("a", "b", "c", "d"):
        held.appeared(directory(name))
    assert (kept(held), held.left_alone_count) == ({"a", "b"}, 2)

    held.disappeared(directory("c"))
    held.disappeared(directory("a"))

    assert (kept(held), held.left_alone_count) == ({"b", "d"}, 0)


def test_a_place_goes_to_nobody_who_has_as_many_as_one_may():
    held = board(3, most_of_one=2)
    for name in ("m1", "m2", "m3", "m4"):
        held.appeared(directory(name, uid=666))
    for name in ("a", "b"):
        held.appeared(directory(name))
    assert kept(held) == {"m1", "m2", "a"}

    held.disappeared(directory("a"))
    assert kept(held) == {"m1", "m2", "b"}

    held.max_sessions, held.max_sessions_per_uid = 10, 3
    held.let_in()
    assert kept(held) == {"m1", "m2", "m3", "b"}
    assert held.left_alone_count == 1
