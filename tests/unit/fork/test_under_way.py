import uuid

import pytest

from expokeep.errors import Busy
from expokeep.fork.under_way import UnderWay
from expokeep.model.names import SessionId

SHOP, BLOG = SessionId("shop"), SessionId("blog")
ONE, OTHER = uuid.UUID(int=1), uuid.UUID(int=2)


def test_a_session_and_a_wish_are_one_callers_until_it_leaves():
    under_way = UnderWay()

    with under_way.alone(SHOP, ONE):
        for session, pack in ((SHOP, OTHER), (BLOG, ONE)):
            with pytest.raises(Busy), under_way.alone(session, pack):
                pytest.fail("nobody else gets in")
        with under_way.alone(BLOG, OTHER):
            pass
    with under_way.alone(SHOP, ONE):
        pass


def test_who_fails_lets_go():
    under_way = UnderWay()

    with pytest.raises(ZeroDivisionError), under_way.alone(SHOP, ONE):
        raise ZeroDivisionError

    with under_way.alone(SHOP, ONE):
        pass
