"""Maintenance: what is due is done, by one, and nothing is asked before."""

import contextlib

import pytest

from expokeep.errors import BackendUnreachable, Busy
from expokeep.service.maintenance import Chore, Maintenance


class Book:
    """A lock that counts how often it is asked, and a ledger."""

    def __init__(self, **ages_s):
        self.ages_s = ages_s
        self.asked = 0
        self.is_taken = False

    @contextlib.contextmanager
    def held(self):
        self.asked += 1
        if self.is_taken:
            raise Busy("somebody else")
        yield self

    def age_s(self, name):
        return self.ages_s.get(name)

    def done(self, name):
        self.ages_s[name] = 0.0


def chore(name, done, *, first_after_s=0.0, **more):
    return Chore(
        name,
        3600.0,
        lambda _: done.append(name),
        first_after_s=first_after_s,
        **more,
    )


def test_what_is_due_is_done_once():
    done, book = [], Book()
    maintenance = Maintenance(book, [chore("sweep", done), chore("merge", done)])

    maintenance.act()
    maintenance.act()

    assert done == ["sweep", "merge"]
    assert book.asked == 1


def test_nobody_is_asked_before_something_is_due():
    done, book = [], Book()
    later = chore("sweep", done, first_after_s=60.0)
    idle = chore("merge", done, may_be_due=lambda: False)

    Maintenance(book, [later, idle]).act()

    assert book.asked == 0
    assert not done


def test_what_another_daemon_did_a_moment_ago_is_not_done_again():
    done, book = [], Book(sweep=10.0)

    Maintenance(book, [chore("sweep", done)]).act()

    assert not done


def test_what_was_done_at_a_time_that_has_not_come_yet_is_done():
    done, book = [], Book(sweep=-86_400.0)

    Maintenance(book, [chore("sweep", done)]).act()

    assert done == ["sweep"]


def test_while_another_is_at_it_nothing_is_done():
    done, book = [], Book()
    book.is_taken = True
    maintenance = Maintenance(book, [chore("sweep", done)])

    maintenance.act()
    maintenance.act()

    assert not done
    assert book.asked == 1
    with pytest.raises(Busy), maintenance.alone():
        pass


@pytest.mark.parametrize("failure", [BackendUnreachable("away"), KeyError("a bug")])
def test_a_chore_that_fails_keeps_no_other_from_being_done(failure):
    def fail(_):
        raise failure

    done, book = [], Book()
    broken = Chore("broken", 3600.0, fail, first_after_s=0.0)
    maintenance = Maintenance(book, [broken, chore("sweep", done)])

    maintenance.act()

    assert done == ["sweep"]
    assert maintenance.outcomes["broken"].error is failure
    assert "broken" not in book.ages_s


def test_what_is_stopped_begins_nothing_more():
    done, book = [], Book()
    maintenance = Maintenance(book, [])

    def act(stop):
        maintenance.stop()
        assert stop()
        done.append("sweep")

    chores = [Chore("sweep", 3600.0, act, first_after_s=0.0), chore("merge", done)]
    maintenance = Maintenance(book, chores)
    maintenance.act()

    assert done == ["sweep"]


def test_a_chore_with_more_to_do_comes_again_soon():
    rounds, book = [], Book()

    def act(_):
        rounds.append(1)
        return len(rounds) < 2

    maintenance = Maintenance(book, [Chore("sweep", 3600.0, act, first_after_s=0.0)])
    maintenance.act()
    assert "sweep" not in book.ages_s
    assert maintenance._due_s["sweep"] - maintenance.outcomes["sweep"].ended_at_s < 60
    maintenance._due_s["sweep"] = 0.0
    maintenance.act()

    assert len(rounds) == 2
    assert "sweep" in book.ages_s
