import os

import pytest

from expokeep.control.guests import Guests
from expokeep.control.peer import Peer
from expokeep.control.routes import Limits
from expokeep.errors import Busy

LIMITS = Limits(connections=4, connections_of_stranger=2, connections_kept=1)
GROUP = 4242
STRANGER = Peer(uid=12345, gid=1, pid=1, groups=frozenset({1}))
OTHER = Peer(uid=12346, gid=1, pid=1, groups=frozenset({1}))
MEMBER = Peer(uid=12347, gid=1, pid=1, groups=frozenset({1, GROUP}))


def seated(count, peer, guests):
    for _ in range(count):
        guests.enter(peer)


def test_a_stranger_cannot_take_every_seat():
    guests = Guests(LIMITS, GROUP)
    seated(2, STRANGER, guests)

    with pytest.raises(Busy, match="uid 12345"):
        guests.enter(STRANGER)
    guests.enter(OTHER)


def test_a_member_of_the_group_may_take_every_seat():
    guests = Guests(LIMITS, GROUP)
    seated(4, MEMBER, guests)

    with pytest.raises(Busy, match="4 callers"):
        guests.enter(MEMBER)


@pytest.mark.parametrize("uid", [0, os.geteuid()])
def test_root_and_ourselves_are_no_strangers(uid):
    guests = Guests(LIMITS, None)

    seated(4, Peer(uid=uid, gid=1, pid=1, groups=frozenset()), guests)


def test_without_a_group_everybody_else_is_a_stranger():
    guests = Guests(LIMITS, None)
    seated(2, MEMBER, guests)

    with pytest.raises(Busy):
        guests.enter(MEMBER)


def test_a_seat_can_be_taken_again_after_it_was_left():
    guests = Guests(LIMITS, GROUP)
    seated(2, STRANGER, guests)
    guests.leave(STRANGER)

    guests.enter(STRANGER)


def test_one_can_wait_for_the_last_to_leave():
    guests = Guests(LIMITS, GROUP)
    guests.enter(STRANGER)
    assert not guests.wait_until_gone(0)

    guests.leave(STRANGER)

    assert guests.wait_until_gone(0)


def test_strangers_of_many_uids_cannot_take_every_seat_together():
    guests = Guests(LIMITS, GROUP)
    for uid in range(20_000, 20_003):
        guests.enter(Peer(uid=uid, gid=1, pid=1, groups=frozenset({1})))

    with pytest.raises(Busy, match="3 callers like you"):
        guests.enter(STRANGER)
    guests.enter(MEMBER)


def test_a_seat_that_strangers_gave_back_is_free_for_strangers():
    guests = Guests(LIMITS, GROUP)
    for _ in range(5):
        seated(2, STRANGER, guests)
        guests.enter(OTHER)
        guests.leave(OTHER)
        guests.leave(STRANGER)
        guests.leave(STRANGER)
