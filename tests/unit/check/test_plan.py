import uuid

import pytest

from expokeep.catalog.evidence import PackRow
from expokeep.check.plan import Comparison, compare, needs_object, wrong_states

NOTHING = Comparison((), (), (), ())


def pack(**more):
    told = {
        "id": uuid.UUID(int=1),
        "key": "v1/main/shop/1",
        "session": "shop",
        "kind": "incr",
        "level": 0,
        "size_bytes": 10,
        "state": "live",
        "age_s": 0.0,
        "is_named": True,
        "is_counted_on": True,
        "tells": True,
        "is_doubted": False,
    }
    return PackRow(**{**told, **more})


FREE = {"is_named": False, "tells": False}


def test_what_is_as_it_should_be():
    assert compare([pack()], {"v1/main/shop/1": 10}) == NOTHING


def test_what_is_missing_resized_and_strange():
    here, there = pack(), pack(id=uuid.UUID(int=2), key="v1/main/shop/2")

    found = compare([here, there], {"v1/main/shop/2": 9, "v1/main/shop/3": 1})

    assert found == Comparison((here,), ((there, 9),), (), ("v1/main/shop/3",))


@pytest.mark.parametrize("listed", [{}, {"v1/main/shop/1": 3}])
def test_the_object_of_an_intent_may_be_there_or_not(listed):
    assert compare([pack(state="uploading", **FREE)], listed) == NOTHING


@pytest.mark.parametrize(
    ("state", "more", "needed"),
    [
        ("live", FREE, True),  # it may tell what others go out from
        ("retired", FREE, True),  # somebody may reuse what is in it
        ("retired", {**FREE, "is_counted_on": False}, False),
        ("doomed", FREE, False),
        ("doomed", {}, True),
        ("uploading", {}, True),
    ],
)
def test_an_object_is_needed_as_long_as_anybody_could_miss_it(state, more, needed):
    assert needs_object(pack(state=state, **more)) is needed


def test_what_was_doomed_a_moment_ago_is_not_left_behind():
    young = pack(state="doomed", age_s=10.0, **FREE)
    old = pack(state="doomed", age_s=10_000.0, **FREE)

    assert compare([young], {young.key: 10}) == NOTHING
    assert compare([old], {old.key: 10}).doomed == (old,)


def test_a_pack_that_is_needed_has_to_say_so():
    assert list(wrong_states([pack(), pack(state="retired")])) == []
    (finding,) = wrong_states([pack(state="doomed")])
    assert finding.kind == "wrong-state"
