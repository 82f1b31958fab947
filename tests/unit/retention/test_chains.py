"""Which packs of a chain become one, and which contents go along."""

import uuid

from expokeep.catalog.caring import Chain, Link, LiveBlob
from expokeep.catalog.values import Place
from expokeep.model.digest import digest_of
from expokeep.model.names import SessionId
from expokeep.retention.chains import (
    LARGE_BYTES,
    run_to_merge,
    runs_to_repack,
    tellers,
    to_move,
)

SHOP = SessionId("shop")


def a_link(number, *, level=0, kind="incr", to=None, since=None):
    to = number if to is None else to
    since = number if since is None else since
    return Link(uuid.UUID(int=number), kind, level, since, to, 100, 0)


def a_chain(links, kept=None):
    return Chain(
        SHOP, 1, tuple(links), tuple(kept or sorted(link.tells_to for link in links))
    )


def numbers(run):
    return [link.pack.int for link in run.links]


def test_as_many_as_it_takes_become_one():
    links = [a_link(seq) for seq in range(1, 20)]

    run = run_to_merge(a_chain(links), fan=16)

    assert numbers(run) == list(range(1, 17))
    assert run.level == 1
    assert run_to_merge(a_chain(links[:15]), fan=16) is None


def test_a_run_ends_with_a_version_that_is_kept():
    links = [a_link(seq) for seq in range(1, 10)]

    run = run_to_merge(a_chain(links, kept=[1, 6, 9]), fan=4)

    assert numbers(run) == [1, 2, 3, 4, 5, 6]


def test_levels_become_higher_up_to_the_last():
    old = [
        a_link(seq, level=2, kind="merge", since=seq * 10, to=seq * 10 + 9)
        for seq in range(1, 4)
    ]
    new = [a_link(100 + seq) for seq in range(2)]

    run = run_to_merge(a_chain([*old, *new]), fan=3, top=3)

    assert (numbers(run), run.level) == ([1, 2, 3], 3)
    assert run_to_merge(a_chain([*old, *new]), fan=3, top=2) is None


def test_what_another_pack_tells_is_no_part_of_the_chain():
    merge = a_link(50, kind="merge", level=1, since=1, to=3)
    links = [a_link(seq) for seq in range(1, 5)]

    assert tellers(a_chain([*links, merge])) == [links[3], merge]


def test_of_two_that_tell_the_same_the_later_counts():
    older = a_link(50, kind="merge", level=1, since=1, to=3)
    later = a_link(51, kind="merge", level=1, since=1, to=3)

    assert tellers(a_chain([older, later])) == [later]


def test_neighbours_that_are_mostly_dead_are_written_anew_together():
    links = [a_link(seq) for seq in range(1, 9)]
    dead = [links[number].pack for number in (1, 2, 5)]

    runs = runs_to_repack(a_chain(links), dead)

    assert [numbers(run) for run in runs] == [[2, 3], [6]]
    assert {run.level for run in runs} == {0}


def a_blob(number, *, size_bytes=100, pack=1, in_head=False):
    place = Place(
        digest_of(bytes([number])),
        size_bytes,
        uuid.UUID(int=pack),
        f"key-{pack}",
        number,
        size_bytes,
        size_bytes,
        0,
    )
    return LiveBlob(place, b"a", 0o644, 0, in_head, SHOP)


def test_the_files_of_the_newest_version_come_first():
    old, new = a_blob(1), a_blob(2, in_head=True)

    assert to_move([old, new], {}) == [new, old]


def test_large_contents_stay_where_they_are_unless_they_would_keep_little_alive():
    small = a_blob(1)
    fills = a_blob(2, size_bytes=LARGE_BYTES, pack=1)
    lonely = a_blob(3, size_bytes=LARGE_BYTES, pack=2)
    totals = {uuid.UUID(int=1): LARGE_BYTES, uuid.UUID(int=2): 10 * LARGE_BYTES}

    assert to_move([small, fills, lonely], totals) == [small, lonely]
