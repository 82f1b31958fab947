import pytest

from expokeep.fork.values import Wish
from expokeep.model.names import SessionId


def wish(trigger):
    return Wish(session=SessionId("shop"), trigger=trigger)


def test_each_wish_is_a_life_of_its_own_that_no_directory_has():
    one, other = wish("fork"), wish("fork")

    assert one.identity != other.identity
    assert (one.identity.device, one.identity.inode) == (0, 0)
    assert 0 <= one.identity.birth_ns < 2**63


@pytest.mark.parametrize(
    ("trigger", "is_first"),
    [("fork", True), ("import", True), ("template", True), ("revert", False)],
)
def test_all_but_a_revert_begin_a_session(trigger, is_first):
    assert wish(trigger).is_first is is_first
