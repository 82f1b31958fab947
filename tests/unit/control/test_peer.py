import os
import socket

import pytest

from expokeep.control.peer import Peer, on_behalf, peer_of
from expokeep.errors import UsageError


def test_the_kernel_tells_who_is_at_the_other_end():
    ours, theirs = socket.socketpair()
    with ours, theirs:
        peer = peer_of(ours)

    assert (peer.uid, peer.gid, peer.pid) == (os.geteuid(), os.getegid(), os.getpid())
    assert peer.groups == {os.getegid(), *os.getgroups()}


def test_too_many_groups_to_be_told_are_none():
    class Crowded(socket.socket):
        def getsockopt(self, level, name, size_bytes):
            if name != socket.SO_PEERCRED:
                raise OSError(34, "Numerical result out of range")
            return super().getsockopt(level, name, size_bytes)

    ours, theirs = socket.socketpair()
    with theirs, Crowded(fileno=ours.detach()) as crowded:
        assert peer_of(crowded).groups == {os.getegid()}


def test_nobody_on_a_tcp_socket_is_mistaken_for_somebody():
    with socket.socket(socket.AF_INET) as lonely:
        peer = peer_of(lonely)

    assert peer.uid == peer.gid == 2**32 - 1


PEER = Peer(uid=1, gid=1, pid=1, groups=frozenset({1}))


def test_a_request_names_on_whose_behalf_it_is():
    assert on_behalf(PEER, []) is PEER
    assert on_behalf(PEER, ["ann@example.com"]).user == "ann@example.com"
    assert on_behalf(PEER, ["J%C3%B6rg%20K"]).user == "Jörg K"
    assert on_behalf(PEER, ["x" * 200]).user == "x" * 200


@pytest.mark.parametrize(
    "said",
    [
        [""],
        ["ann", "bob"],
        ["ann", "ann"],
        ["%20ann"],
        ["a%00b"],
        ["a%0Ab"],
        ["%FF"],
        ["Jörg"],
        ["%E2%80%AEnna"],
        ["x" * 201],
    ],
)
def test_a_name_that_nobody_can_have_is_no_missing_name(said):
    with pytest.raises(UsageError, match="names no user"):
        on_behalf(PEER, said)
