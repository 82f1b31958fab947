"""A heap of deadlines."""

from expokeep.watch.agenda import Agenda


def test_a_deadline_can_be_moved_both_ways() -> None:
    agenda: Agenda[str] = Agenda()
    agenda.set("a", 5.0)
    agenda.set("b", 6.0)
    agenda.set("a", 9.0)
    agenda.set("b", 1.0)

    assert agenda.pop_due(5.0) == ["b"]
    assert agenda.next_s() == 9.0
    assert agenda.pop_due(9.0) == ["a"]


def test_sooner_never_moves_a_deadline_back() -> None:
    agenda: Agenda[str] = Agenda()
    agenda.set_sooner("a", 5.0)
    agenda.set_sooner("a", 9.0)
    assert agenda.next_s() == 5.0

    agenda.set_sooner("a", 2.0)
    assert agenda.next_s() == 2.0


def test_what_is_cancelled_does_not_come_due() -> None:
    agenda: Agenda[str] = Agenda()
    agenda.set("a", 5.0)
    agenda.cancel("a")
    assert agenda.pop_due(10.0) == []

    agenda.set("a", 7.0)
    assert agenda.pop_due(10.0) == ["a"]
    assert "a" not in agenda


def test_a_key_that_was_set_twice_to_one_time_is_due_once() -> None:
    agenda: Agenda[str] = Agenda()
    agenda.set("a", 5.0)
    agenda.set("a", 3.0)
    agenda.set("a", 5.0)

    assert agenda.pop_due(10.0) == ["a"]
    assert agenda.pop_due(10.0) == []
