import os
import socket

from expokeep.control.peer import peer_of


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
