"""Mounts inside of sessions: what is on them is not the session's, and hangs nobody."""

import os
import shutil
import sys

import pytest

from daemons import as_nobody, daemon_on, until
from neighbours import MALLORY, Street, give

MOUNTING = """
import ctypes, os, subprocess, sys
place, vault, *command = sys.argv[1:]
def mount(*words):
    subprocess.run(["mount", *words], check=True)
mount("--make-rprivate", "/")
mount("--bind", vault, f"{place}/bound")
mount("--bind", f"{vault}/vault-file", f"{place}/bound.js")
mount("-t", "tmpfs", "none", f"{place}/tmp")
open(f"{place}/tmp/other.js", "w").write("not on the session's mount")
mount("--bind", f"{place}/src", f"{place}/again")
libc = ctypes.CDLL(None, use_errno=True)
def fuse(where, mode, user):
    fd = os.open("/dev/fuse", os.O_RDWR)
    options = f"fd={fd},rootmode={mode},user_id={user},group_id={user}".encode()
    if libc.mount(b"fuse", where.encode(), b"fuse", 6, options):
        raise OSError(ctypes.get_errno(), "FUSE is needed: modprobe fuse")
    return fd
# Its server never answers; and one whose server has died.
os.set_inheritable(fuse(f"{place}/hangs", 40000, 4001), True)
os.set_inheritable(fuse(f"{place}/hangs.js", 100000, 4001), True)
os.close(fuse(f"{place}/broken", 40000, 65534))
os.execvp(command[0], command)
"""


@pytest.fixture
def mounted(as_root, prepare_site):
    """A session with mounts in it, in the mount namespace of a daemon that is up."""
    with prepare_site() as site:
        street = Street(site, None)
        with street.secrets() as hidden:
            vault = hidden.vault()
            vault.chmod(0o755)  # that it is elsewhere is all that protects it
            sid, place = street.make(
                MALLORY, {"App.js": b"App", "src/a.js": b"a"}, mount_points
            )
            mounting = (sys.executable, "-c", MOUNTING, str(place), str(vault))
            before = ("unshare", "--mount", *mounting, *as_nobody())
            with daemon_on(site, before=before) as daemon:
                daemon.start()
                yield Street(site, daemon, street.canary), sid, place, vault
                assert daemon.stop() == 0, daemon.story


def mount_points(top):
    """Make what is mounted over."""
    for name in ("bound", "tmp", "again", "hangs", "broken"):
        (top / name).mkdir()
    for name in ("bound.js", "hangs.js"):
        (top / name).touch()
    give(top, MALLORY)


def test_what_is_mounted_in_a_session_is_none_of_it(mounted):
    street, sid, place, vault = mounted
    street.daemon.await_versions(sid, 1)

    skipped = street.save(sid)

    assert skipped == {
        "again": "other mount",
        "bound": "other mount",
        "bound.js": "other mount",
        "tmp": "other mount",
        "hangs": "unreadable",
        "hangs.js": "unreadable",
        "broken": "unreadable",
    }
    # An event there is not the session's either, nor is what it was of.
    (vault / "vault-file").write_bytes(b"new " + street.canary)
    (vault / "late.js").write_bytes(street.canary)
    (place / "App.js").write_bytes(b"App 2")
    street.daemon.await_versions(sid, 2)
    assert street.kept(sid) == {"App.js": b"App 2", "src/a.js": b"a"}
    street.assert_serves()

    shutil.rmtree(place)

    street.daemon.await_end(sid)
    until(lambda: street.daemon.spooled(sid) == 0, "nothing waits")
    assert street.kept(sid) == {"App.js": b"App 2", "src/a.js": b"a"}
    street.assert_nothing_foreign()
    assert os.listdir(vault) != []
