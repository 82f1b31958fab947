"""What a hostile user does to a session of its own, over and over, in one process.

Run by the machine's own Python as that user: `python3 attacking_program.py HOW PLACE
...`. It prints "begun", attacks until its input says a line but a least number of
times, and prints "done N". It never depends on how long anything takes.
"""

import contextlib
import ctypes
import os
import select
import sys
from itertools import count

LEAST = 300
_EXCHANGE = 2
_libc = ctypes.CDLL(None, use_errno=True)


def exchange(one, other):
    """Swap two names in one step."""
    _libc.renameat2(-100, os.fsencode(one), -100, os.fsencode(other), _EXCHANGE)


def write(path, data):
    with open(path, "wb") as file:
        file.write(data)


def swap_files(place, canary):
    """Swap a file for a link to a secret, a pipe, a directory, and back."""
    os.chdir(place)
    os.symlink(canary, "link")
    os.mkfifo("pipe")
    os.mkdir("directory")
    while True:
        for other in ("link", "pipe", "directory"):
            exchange("victim.js", other)
            write("noise.js", b"noise")
            exchange("victim.js", other)
            yield


def swap_directories(place, canary):
    """Swap a directory for a link to a foreign one, and for a foreign one itself."""
    os.chdir(place)
    os.symlink(os.path.dirname(canary), "link")
    while True:
        for other in ("link", "theirs"):
            exchange("src", other)
            write("noise.js", b"noise")
            exchange("src", other)
            yield


def swap_roots(place, canary):
    """Swap the session's own root for a link, for nothing, and back."""
    aside, link = f"{place}-aside", f"{place}-link"
    os.symlink(os.path.dirname(canary), link)
    while True:
        exchange(place, link)
        exchange(place, link)
        os.rename(place, aside)
        os.rename(aside, place)
        write(f"{place}/noise.js", b"noise")
        yield


def resize(place, _canary):
    """Let a file grow and shrink, with the times of before, and be whole at times."""
    path = os.path.join(place, "victim.js")
    good, most = os.stat(path), 3_000_000
    with open(path, "rb") as file:
        data = file.read()
    with open(path, "r+b", buffering=0) as file:
        while True:
            for size in (most, 0, most // 2, 1):
                os.truncate(path, size)
                file.seek(0, os.SEEK_END)
                file.write(b"x" * 1000)
                os.utime(path, ns=(good.st_atime_ns, good.st_mtime_ns))
            file.seek(0)
            os.truncate(path, 0)
            file.write(data)
            yield


def lock(place, _canary):
    """Lock directories and files up, and open them again; and let some come and go."""
    os.chdir(place)
    while True:
        for mode in (0o000, 0o111, 0o444, 0o755):
            os.chmod("src", mode)
            os.chmod("victim.js", mode)
            os.chmod(".", mode | 0o700)
            os.chmod("src", 0o755)
            with contextlib.suppress(OSError):
                os.setxattr("victim.js", "user.hostile", b"\x1b[2J" * mode)
            write("src/CASE", b"1")
            write("src/case", b"2")
            os.unlink("src/CASE")
            os.unlink("src/case")
        os.chmod("victim.js", 0o644)
        yield


def squat(place, canary):
    """Take a name before others do: as a link, a pipe, a file, a directory."""
    ways = (
        lambda: os.symlink(os.path.dirname(canary), place),
        lambda: os.symlink(os.path.join(os.path.dirname(canary), "new"), place),
        lambda: os.mkfifo(place),
        lambda: os.mkdir(place),
        lambda: write(place, b"mallory"),
    )
    for number in count():
        with contextlib.suppress(OSError):
            ways[number % len(ways)]()
        for end in (os.unlink, os.rmdir):
            with contextlib.suppress(OSError):
                end(place)
        yield


def storm(place, _canary):
    """Make as many events as there can be, of every kind."""
    os.chdir(place)
    os.makedirs("storm/one", exist_ok=True)
    files = [os.open(f"storm/{n}", os.O_RDWR | os.O_CREAT) for n in range(20)]
    while True:
        for number in range(200):
            os.pwrite(files[number % 20], b"%d" % number, 0)
            with contextlib.suppress(FileNotFoundError):
                os.rename(f"storm/{number % 20}", f"storm/one/{number % 20}")
                os.rename(f"storm/one/{number % 20}", f"storm/{number % 20}")
        exchange("storm/one", "storm/1")
        exchange("storm/one", "storm/1")
        yield


def main():
    """Attack until told to end."""
    how, place, *more = sys.argv[1:]
    attack = globals()[how](place, *(more or [""]))
    print("begun", flush=True)  # noqa: T201 - what it is waited for by
    for number in count(1):
        next(attack)
        is_told = bool(select.select([sys.stdin], [], [], 0)[0])
        if is_told and number >= LEAST:
            print(f"done {number}", flush=True)  # noqa: T201 - its result
            return


if __name__ == "__main__":
    main()
