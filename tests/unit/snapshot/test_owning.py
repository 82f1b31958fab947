"""Who may move the head: one host, and nobody over what it does not know of."""

import uuid
from dataclasses import dataclass, replace

import pytest

from expokeep.catalog.values import Holder, Host, Opened, RootOwner
from expokeep.model.names import SessionId
from expokeep.snapshot.owning import beside

A, B, C = (Host(uuid.UUID(int=number), name) for number, name in enumerate("abc", 1))
LATE = "recorded by host a after host b took the session over"
OURS = Opened(
    session=SessionId("shop"),
    fence=3,
    last_seq=9,
    epoch=1,
    tip_seq=9,
    tip_pack=uuid.UUID(int=9),
    base_seq=None,
    head_seq=8,
    head_epoch=2,
    owner=None,
    project_name=None,
    root=RootOwner(0, 0, 0o755),
    host=A.id,
    holder=Holder(A.id, "a", alive=True),
    was_ours=False,
)
"""What host a finds; the head is of another directory."""


@dataclass
class Sealed:
    """What a note says of the moment in which it was sealed."""

    fence: int | None
    is_holder: bool = True


def theirs(*, alive, was_ours=False):
    return replace(OURS, holder=Holder(B.id, "b", alive=alive), was_ours=was_ours)


@pytest.mark.parametrize(
    ("note", "opened", "reason"),
    [
        (Sealed(3), replace(OURS, holder=None), None),
        (Sealed(3), OURS, None),
        (Sealed(None), OURS, None),
        # We took it from a holder who was dead: nobody else came between.
        (Sealed(2, is_holder=False), OURS, None),
        # We held it, lost it, and hold it again.
        (Sealed(1), OURS, "recorded after another host took the session over"),
        (Sealed(3), theirs(alive=True), "host b holds this session"),
        (Sealed(2), theirs(alive=True, was_ours=True), LATE),
        # Dead, and it is to be taken, unless this is older than what it recorded.
        (Sealed(3, is_holder=False), theirs(alive=False), None),
        (Sealed(None), theirs(alive=False), None),
        (Sealed(2), theirs(alive=False, was_ours=True), LATE),
        (Sealed(None), theirs(alive=False, was_ours=True), LATE),
        (Sealed(3, is_holder=False), theirs(alive=False, was_ours=True), None),
    ],
)
def test_a_version_may_be_head_or_is_kept_beside_for_a_reason(note, opened, reason):
    assert beside(note, opened, A) == reason


def test_late_work_goes_on_where_the_one_who_took_over_recorded_nothing():
    still = replace(theirs(alive=False, was_ours=True), head_epoch=1)

    assert beside(Sealed(2), still, A) is None
