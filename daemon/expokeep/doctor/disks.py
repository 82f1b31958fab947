"""Where a daemon keeps what it cannot lose: whether there is room, and will it last."""

import os
from collections.abc import Iterator
from pathlib import Path

from expokeep.doctor.mounts import place_of
from expokeep.doctor.values import Check
from expokeep.model import size
from expokeep.settings.values import Settings

_FLEETING = frozenset({"tmpfs", "ramfs"})
_OF_A_NETWORK = frozenset(
    {"nfs", "nfs4", "cifs", "smb3", "9p", "ceph", "fuse.sshfs", "glusterfs", "afs"}
)
_LEAST_INODES = 10_000
_FEW = 0.02


def disks(settings: Settings) -> Iterator[Check]:
    """Look at every directory that a daemon reads or writes."""
    for watch in settings.watch:
        yield from _watched(watch.dir)
    state, spool = settings.state_dir, settings.spool.path
    if os.path.lexists(state):  # of one that is missing, the looks at the machine tell
        yield _writable("state directory", state)
    if os.path.lexists(spool) or (state / "host-id").exists():
        yield _writable("spool", spool)
    else:
        yield Check("spool", "ok", f"{spool} is made by the first start")
    if spool.exists():
        yield lasting("spool's disk", spool, "spool.path")
        yield _room(spool, settings.spool.min_free_bytes)
        yield _inodes(spool)


def lasting(name: str, path: Path, key: str) -> Check:
    """Look whether what is below a path survives a reboot, and holds locks."""
    place = place_of(path.resolve())
    kind = place.kind if place else "?"
    hint = f"Set {key} to a directory on a local disk, such as below /var/lib."
    if kind in _FLEETING:
        detail = f"{path} is in memory ({kind}): a reboot loses what waits there"
        return Check(name, "warning", detail, hint)
    if kind in _OF_A_NETWORK:
        detail = f"{path} is on a network ({kind}): its outage stops every capture"
        return Check(name, "warning", detail, hint)
    if path.resolve().is_relative_to("/tmp"):  # noqa: S108 - looked for, not used
        detail = f"{path} is below /tmp, which is emptied when the machine starts"
        return Check(name, "warning", detail, hint)
    return Check(name, "ok", kind)


def _writable(name: str, path: Path) -> Check:
    if os.access(path, os.W_OK | os.X_OK):
        return Check(name, "ok", str(path))
    if not os.path.lexists(path):
        hint = f"`install -d -m 0700 -o expokeep -g expokeep {path}`."
        return Check(name, "error", f"there is no {path}", hint)
    hint = f"`chown expokeep: {path}`: the daemon's user has to write there."
    return Check(name, "error", f"{path} is not writable", hint)


def _watched(directory: Path) -> Iterator[Check]:
    if not os.access(directory, os.R_OK | os.X_OK):
        hint = (
            "Create it, or let the daemon's user read it. The packaged unit sees "
            "only what it names: `systemctl edit expokeepd`, `[Service]` and "
            f"`BindReadOnlyPaths={directory}`."
        )
        yield Check("watch directory", "error", f"{directory} is closed", hint)
        return
    place = place_of(directory.resolve())
    if place is not None and place.kind in _OF_A_NETWORK:
        detail = f"{directory} is on a network ({place.kind})"
        hint = (
            "What other machines write there is seen after reconcile-interval only: "
            "run a daemon where the sessions run."
        )
        yield Check("watch directory", "warning", detail, hint)
    else:
        yield Check("watch directory", "ok", str(directory))


def _room(spool: Path, min_free_bytes: int) -> Check:
    disk = os.statvfs(spool)
    free = disk.f_bavail * disk.f_frsize
    detail = f"{size.shown(free)} free at {spool}"
    if free < min_free_bytes:
        hint = (
            f"`df -h {spool}`, and make room: when it is full, nothing more can be "
            "captured. See RUNBOOK, `The spool is full, or a disk is failing`."
        )
        return Check("disk", "error", detail, hint)
    return Check("disk", "ok", detail)


def _inodes(spool: Path) -> Check:
    disk = os.statvfs(spool)
    detail = f"{disk.f_favail} of {disk.f_files} left at {spool}"
    # Some file systems make them as they are needed, and say 0 of 0.
    if disk.f_files and disk.f_favail < min(_LEAST_INODES, disk.f_files * _FEW):
        hint = (
            f"`df -i {spool}`, and remove small files that are not ours: without "
            "inodes nothing more can be captured, whatever room there is."
        )
        return Check("inodes", "error", detail, hint)
    return Check("inodes", "ok", detail)
