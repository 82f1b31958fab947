"""Who may what: operators, users on whose behalf they ask, and uids."""

import os
from dataclasses import replace

import pytest

from expokeep.control.peer import Peer
from expokeep.control.routes import Call, Document
from expokeep.errors import AccessDenied, ExpokeepError, NotFound
from expokeep.service.rights import Rights

UIDS = {"shop": 4321, "blog": 99, "lost": 99}
OWNERS = {"shop": "ann", "blog": "bob"}

OPERATOR = Peer(uid=0, gid=0, pid=1, groups=frozenset({0}))
OURSELVES = replace(OPERATOR, uid=os.geteuid())
STRANGER = Peer(uid=4321, gid=4321, pid=1, groups=frozenset({4321}))
ANN = replace(OPERATOR, user="ann")
MALLORY = replace(STRANGER, user="ann")

RIGHTS = Rights("no-such-group", UIDS.get, UIDS.get, OWNERS.get)


def said(check, *asked):
    try:
        check(*asked)
    except ExpokeepError as error:
        return type(error), str(error)
    return None


def test_an_operator_may_all_and_a_user_of_its_only_what_the_user_owns():
    for check in (RIGHTS.require_kept, RIGHTS.require_session, RIGHTS.require_owner):
        assert said(check, OPERATOR, "blog") is said(check, ANN, "shop") is None
        assert said(check, ANN, "blog")[0] is NotFound
        assert said(check, ANN, "lost")[0] is NotFound
    assert RIGHTS.is_operator(OPERATOR)
    assert RIGHTS.is_operator(OURSELVES)
    assert not RIGHTS.is_operator(ANN)
    assert said(RIGHTS.require_operator, ANN)[0] is AccessDenied


@pytest.mark.parametrize("peer", [ANN, STRANGER])
def test_what_is_another_users_answers_as_what_does_not_exist(peer):
    for check in (RIGHTS.require_kept, RIGHTS.require_session):
        kind, text = said(check, peer, "blog")
        assert (kind, text.replace("blog", "never")) == said(check, peer, "never")


def test_a_uid_may_see_its_own_and_let_go_of_nothing():
    assert said(RIGHTS.require_kept, STRANGER, "shop") is None
    for session in ("shop", "blog", "never"):
        assert said(RIGHTS.require_owner, STRANGER, session)[0] is AccessDenied


def test_who_is_no_operator_speaks_for_nobody():
    for check in (RIGHTS.require_kept, RIGHTS.require_session, RIGHTS.require_owner):
        assert said(check, MALLORY, "shop")[0] is AccessDenied
    handler = RIGHTS.admitting(lambda _call: Document(b"{}"))
    assert said(handler, Call(MALLORY, {}, {}, b""))[0] is AccessDenied
    assert said(handler, Call(ANN, {}, {}, b"")) is None


def test_whoever_is_named_is_the_user_or_nobody():
    assert RIGHTS.user_named(OPERATOR, "bob") == "bob"
    assert RIGHTS.user_named(OPERATOR, None) is None
    assert RIGHTS.user_named(STRANGER, None) is None
    assert RIGHTS.user_named(ANN, None) == RIGHTS.user_named(ANN, "ann") == "ann"
    assert said(RIGHTS.user_named, ANN, "bob")[0] is AccessDenied
    assert said(RIGHTS.user_named, STRANGER, "ann")[0] is AccessDenied
