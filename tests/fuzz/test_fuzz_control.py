"""Requests that no client of ours makes, to a real daemon: never a bug, never the end.

Whatever is in the table of routes is asked, and whatever its bodies may say is said.
"""

import functools
import random
from itertools import islice

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fuzz.mutating import mutated, seeds
from fuzz.odd_requests import Odd, Request, status_of

WAIT_S = 10.0
ENDLESS = ("GET /v1/events",)
"""Answers without an end: whoever asks leaves."""
FINAL = ("POST /v1/drain",)
"""What a daemon is asked once. It is asked here, too, but not by chance."""
RESIDENT_BYTES = 600 << 20


def resident_bytes(pid: int) -> int:
    with open(f"/proc/{pid}/statm") as file:
        return int(file.read().split()[1]) * 4096


@pytest.fixture(scope="module")
def odd(asked) -> Odd:
    return Odd([one for one in asked.routes() if one not in (*ENDLESS, *FINAL)])


def test_every_route_that_there_is_is_asked(odd):
    assert len(odd.routes) > 60
    assert len(odd.bodies) > 20


@pytest.mark.parametrize("number", range(len(seeds("http"))))
def test_requests_that_were_found_once_are_no_bug_any_more(asked, number):
    raw = seeds("http")[number]
    for name, value in asked.world.items():
        raw = raw.replace(f"{{{name}}}".encode(), value.encode())

    asked.send(raw, 1.0)

    asked.assert_well()


def test_odd_values_are_refused_and_nothing_else_happens(asked, odd):
    whole = list(odd.sweep())
    random.Random(7).shuffle(whole)

    for request in islice(whole, 120):
        assert status_of(asked.send(request.raw(asked.world), WAIT_S))

    asked.assert_well()
    assert resident_bytes(asked.daemon.pid) < RESIDENT_BYTES


@pytest.mark.long
@pytest.mark.timeout(3600)
def test_every_odd_value_is_refused_in_every_place(asked, odd):
    @functools.cache
    def reads(route: str, word: str) -> bool:
        # No word may be an object; who reads it says so, and where it stands.
        probe = Request(route, ("{session}", "x"), (), {word: {}})
        return f"`$.{word}`".encode() in asked.send(probe.raw(asked.world), WAIT_S)

    for request in odd.sweep(reads):
        assert status_of(asked.send(request.raw(asked.world), WAIT_S)), request

    asked.assert_well()
    assert resident_bytes(asked.daemon.pid) < RESIDENT_BYTES


def test_requests_by_chance_are_answered(asked, odd):
    by_chance(asked, odd, 80)


@pytest.mark.long
@pytest.mark.timeout(1800)
def test_many_requests_by_chance_are_answered(asked, odd):
    by_chance(asked, odd, 5000)


def by_chance(asked, odd, times: int) -> None:
    @settings(
        deadline=None,
        max_examples=times,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )
    @given(odd.requests())
    def answered(request) -> None:
        assert status_of(asked.send(request.raw(asked.world), WAIT_S))

    answered()
    asked.assert_well()


def test_bytes_that_are_hardly_http_end_nothing(asked):
    hardly(asked, 40)


@pytest.mark.long
@pytest.mark.timeout(1800)
@pytest.mark.filterwarnings("ignore:Generating overly large repr")
def test_many_bytes_that_are_hardly_http_end_nothing(asked):
    hardly(asked, 2000)


def hardly(asked, times: int) -> None:
    @settings(
        deadline=None,
        max_examples=times,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )
    @given(mutated(seeds("http")) | st.binary(max_size=100))
    def answered(raw: bytes) -> None:
        # Not all of a request may be there: nobody waits for the rest of it.
        asked.send(raw, 0.05)

    answered()
    asked.assert_well()
