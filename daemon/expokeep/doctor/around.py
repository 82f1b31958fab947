"""Looks at the machine from outside: without drivers, for a command that is quick."""

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import msgspec

from expokeep.control.client import Client
from expokeep.doctor import machine, openings, sessions, units
from expokeep.doctor.kernel import inotify, kernel
from expokeep.doctor.secrets import secrets, state_directory
from expokeep.doctor.values import Check, Setup
from expokeep.errors import ExpokeepError
from expokeep.history.documents import Info
from expokeep.history.examined import DaemonSetup

_ASK_S = 3.0


def around(setup: Setup) -> Iterator[Check]:
    """Look at the machine, as the caller sees it: best as root."""
    yield from kernel()
    yield from inotify(setup.max_sessions, setup.watches_used)
    yield from machine.tmpfiles(setup)
    yield from machine.socket_group(setup)
    yield from openings.fuse()
    yield from openings.setgid(setup)
    files = (*setup.secret_files, *units.credential_files())
    yield from secrets(dataclasses.replace(setup, secret_files=files))
    yield from state_directory(setup)
    yield from units.units(setup)
    yield from sessions.daemons_tmp(setup)
    yield from sessions.sessions_tmp(setup)
    yield from machine.others(setup, list(_listening(setup)))


def heard(said: DaemonSetup) -> Setup:
    """Return what a daemon said of itself."""
    return Setup(
        watch=tuple((Path(directory), pattern) for directory, pattern in said.watch),
        state_dir=Path(said.state_dir),
        group=said.socket_group,
        flush_timeout_s=said.flush_timeout_s,
        max_sessions=said.max_sessions,
        secret_files=tuple(map(Path, said.secret_files)),
        pid=said.pid,
        watches_used=said.watches_used,
    )


def _listening(setup: Setup) -> Iterator[tuple[int, tuple[str, ...]]]:
    for socket in machine.listening(setup):
        try:
            said = msgspec.json.decode(
                Client(socket, _ASK_S).get("/v1/info"), type=Info
            )
        except (ExpokeepError, msgspec.MsgspecError, OSError):
            continue  # none of ours, or closed to us
        yield said.pid, said.watch
