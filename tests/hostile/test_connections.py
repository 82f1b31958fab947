"""Whose a connection to the control socket is, and who can keep others from one.

Who may what on it, route by route, is in `test_socket_rights.py`.
"""

import contextlib
import os
import socket
import stat
import subprocess
import sys

import pytest

from callers import CALLERS, GROUP_ID, MEMBER, NO_GROUP, OPERATORS, Who
from daemons import run

HANDED_OVER = """
import array, os, socket, sys
path, uid, gid, groups, late = sys.argv[1:]
uid, gid, groups = int(uid), int(gid), [int(word) for word in groups.split()]
there = socket.socket(socket.AF_UNIX)
if late == "late":
    there.connect(path)
os.setgroups(groups)
os.setresgid(gid, gid, gid)
os.setresuid(uid, uid, uid)
if late != "late":
    there.connect(path)
parent = socket.socket(fileno=0)
rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [there.fileno()]))]
parent.sendmsg([b"x"], rights)
"""


def connected_by(path, who, *, late=False):
    """Return a connection that somebody else has made, and handed over to us.

    If it is late, who connects is root, and somebody else only afterwards.
    """
    ours, theirs = socket.socketpair()
    with ours, theirs:
        words = (path, who.uid, who.gid, " ".join(map(str, who.groups)))
        done = subprocess.run(
            [
                *(sys.executable, "-I", "-c", HANDED_OVER),
                *map(str, words),
                "late" if late else "early",
            ],
            stdin=theirs,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        _, rights, _, _ = socket.recv_fds(ours, 1, 1)
    return socket.socket(fileno=rights[0])


def status_of(connection, target):
    """Return the status of the answer to one question on a connection."""
    with connection:
        connection.settimeout(60)
        request = f"GET {target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
        connection.sendall(request.encode())
        with connection.makefile("rb") as answered:
            return int(answered.readline().split()[1])


@pytest.mark.parametrize(("name", "status"), [("stranger", 403), ("member", 200)])
def test_a_connection_has_the_rights_of_who_made_it_whoever_holds_it(
    as_root, daemon, socket_path, name, status
):
    connection = connected_by(socket_path, CALLERS[name])

    assert status_of(connection, "/v1/doctor") == status


def test_who_lets_go_of_rights_keeps_those_of_a_connection(
    as_root, daemon, socket_path
):
    connection = connected_by(socket_path, CALLERS["stranger"], late=True)

    assert status_of(connection, "/v1/doctor") == 200


CROWD = tuple(range(60_000, 60_300))


@pytest.mark.parametrize(
    ("who", "status"),
    [
        pytest.param(Who(MEMBER, NO_GROUP, (*CROWD[:250], GROUP_ID)), 200, id="251"),
        pytest.param(Who(MEMBER, NO_GROUP, (*CROWD, GROUP_ID)), 403, id="301"),
        pytest.param(Who(MEMBER, GROUP_ID, CROWD), 200, id="300, and one's own"),
    ],
)
def test_of_more_groups_than_the_kernel_tells_one_none_count(
    as_root, daemon, socket_path, who, status
):
    """The safe side: fewer rights, and nothing breaks."""
    assert status_of(connected_by(socket_path, who), "/v1/doctor") == status
    assert status_of(connected_by(socket_path, who), "/v1/info") == 200


def test_nobody_can_put_another_socket_in_the_place_of_ours(
    as_root, daemon, socket_path
):
    found = socket_path.lstat()
    assert stat.S_IMODE(found.st_mode) == 0o666
    assert (found.st_uid, found.st_gid) == (os.geteuid(), GROUP_ID)
    for command in (
        ["rm", "-f", str(socket_path)],
        ["ln", "-sfT", "/dev/null", str(socket_path)],
        ["mv", "-T", "/etc/hostname", str(socket_path)],
        ["touch", str(socket_path.with_name("control.sock.new"))],
        ["chmod", "0600", str(socket_path)],
    ):
        for who in (CALLERS["owner"], CALLERS["member"]):
            assert run([*who.words(), *command]).returncode != 0, command
    assert os.path.samestat(socket_path.lstat(), found)


SITTING = """
import socket, sys
path, count = sys.argv[1], int(sys.argv[2])
seats = []
for _ in range(count):
    seat = socket.socket(socket.AF_UNIX)
    seat.connect(path)
    try:
        seat.sendall(b"GET /v1/info HT")
    except OSError:
        pass  # turned away
    seats.append(seat)
print("sitting", flush=True)
sys.stdin.read()
"""


def test_strangers_who_take_all_they_can_keep_no_operator_out(
    as_root, daemon, socket_path
):
    """Slowly asked requests of as many uids as it takes, and more."""
    with contextlib.ExitStack() as stack:
        for uid in range(55_001, 55_007):
            sitting = stack.enter_context(
                subprocess.Popen(
                    [
                        *Who(uid).words(),
                        *(sys.executable, "-I", "-c", SITTING, str(socket_path), "20"),
                    ],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                )
            )
            stack.callback(sitting.stdin.close)
            assert sitting.stdout.readline() == b"sitting\n"
        info = {"method": "GET", "target": "/v1/info"}

        with connected_by(socket_path, CALLERS["stranger"]) as refused:
            refused.settimeout(60)
            assert refused.recv(100).startswith(b"HTTP/1.1 409 ")
        for name in OPERATORS:
            (told,) = CALLERS[name].asks(socket_path, [info])
            assert told["status"] == 200, name
