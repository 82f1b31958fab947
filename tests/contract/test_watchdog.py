"""What we lean on in watchdog's lower layer, which its documentation does not promise.

If one of these fails after an upgrade, `watch/inotify.py` is the only place to change.
"""

import os
import select
import threading
from pathlib import Path

import pytest
from watchdog.observers.inotify_c import (
    InotifyConstants,
    InotifyFD,
    inotify_add_watch,
    inotify_rm_watch,
)


@pytest.fixture
def instance():
    instance = InotifyFD()
    yield instance
    instance._is_reading = False
    instance.close()


def test_one_directory_has_one_descriptor_by_whatever_way(
    instance: InotifyFD, tmp_path: Path
) -> None:
    fd = os.open(tmp_path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        mask = InotifyConstants.IN_CREATE
        first = inotify_add_watch(instance._inotify_fd, b"/proc/self/fd/%d" % fd, mask)
        again = inotify_add_watch(instance._inotify_fd, bytes(tmp_path), mask)
    finally:
        os.close(fd)

    assert first == again > 0
    assert inotify_rm_watch(instance._inotify_fd, first) == 0
    assert inotify_rm_watch(instance._inotify_fd, first) == -1


def test_a_buffer_is_read_as_the_kernel_wrote_it(
    instance: InotifyFD, tmp_path: Path
) -> None:
    inotify_add_watch(instance._inotify_fd, bytes(tmp_path), InotifyConstants.IN_CREATE)
    (tmp_path / "x").touch()

    buffer = instance._read_event_buffer(4096)

    assert b"x\0" in buffer
    assert len(buffer) % 16 == 0


def test_the_kill_pipe_wakes_a_reader_that_has_nothing_to_read(
    instance: InotifyFD,
) -> None:
    poller = select.poll()
    poller.register(instance._kill_r, select.POLLIN)
    assert poller.poll(0) == []

    os.write(instance._kill_w, b"!")

    assert poller.poll(0) == [(instance._kill_r, select.POLLIN)]
    os.read(instance._kill_r, 1)


def test_an_instance_that_nobody_reads_closes_all_it_opened() -> None:
    before = {*Path("/proc/self/fd").iterdir()}
    instance = InotifyFD()
    instance._is_reading = False
    instance.close()
    instance.close()

    assert {*Path("/proc/self/fd").iterdir()} <= before


def test_a_stopped_thread_is_told_so(instance: InotifyFD) -> None:
    assert isinstance(instance, threading.Thread)
    assert instance.daemon
    assert instance.should_keep_running()

    instance._stopped_event.set()

    assert not instance.should_keep_running()
