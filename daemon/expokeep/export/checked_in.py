"""Takes what a clone has checked in: by its objects, never by a checkout.

So no filter, no attribute and no hook of a stranger has anything to say.
"""

import subprocess
from collections.abc import Iterator
from typing import IO

from expokeep.errors import QuotaExceeded
from expokeep.export.cloning import Clone
from expokeep.export.incoming import ImportRefused, Incoming
from expokeep.export.repository import GitFailed

_CHUNK_BYTES = 256 * 1024
_MOST_OF_A_LINE = 8192
_MOST_OF_A_LINK = 4096
_S_IN_NS = 1_000_000_000
_MODES = {b"100644": 0o644, b"100664": 0o644, b"100755": 0o755}


def checked_in(clone: Clone, incoming: Incoming) -> str:
    """Take all files and links of the newest commit; return its name.

    Submodules are left out, and said to be.

    Raises:
        ImportRefused: it has what no project has.
        QuotaExceeded: it has more than may come.
        GitFailed: the repository cannot be read.
    """
    commit = clone.said("rev-parse", "--verify", "HEAD^{commit}").decode().strip()
    # Not by `show`, which looks at all that the commit changed, and says nothing of it.
    moment = clone.said("rev-list", "--max-count=1", "--timestamp", "HEAD")
    try:
        mtime_ns = int(moment.decode("ascii").split()[0]) * _S_IN_NS
    except (ValueError, IndexError):
        mtime_ns = 0
    with clone.start("cat-file", "--batch") as objects:
        try:
            for mode, name, path in _listed(clone, incoming.bounds.max_entries):
                _take(objects, (mode, name, path), incoming, mtime_ns)
        finally:
            objects.kill()
    return commit


def _take(
    objects: subprocess.Popen[bytes],
    entry: tuple[bytes, bytes, bytes],
    incoming: Incoming,
    mtime_ns: int,
) -> None:
    mode, name, path = entry
    if mode == b"160000":
        incoming.skip(path, "a submodule")
    elif mode == b"120000":
        target = b"".join(_contents(objects, name, at_most=_MOST_OF_A_LINK))
        incoming.link(path, target, mtime_ns)
    elif mode in _MODES:
        incoming.file(path, _contents(objects, name), _MODES[mode], mtime_ns)
    else:
        raise ImportRefused(f"it has an entry of mode {mode.decode(errors='replace')}")


def _listed(clone: Clone, max_entries: int) -> Iterator[tuple[bytes, bytes, bytes]]:
    """Yield mode, object and path of all that is checked in."""
    words = ("ls-tree", "-r", "-z", "--full-tree", "HEAD")
    with clone.start(*words) as git:
        assert git.stdout is not None  # noqa: S101 - asked for
        try:
            count, rest = 0, b""
            while chunk := git.stdout.read(_CHUNK_BYTES):
                *lines, rest = (rest + chunk).split(b"\0")
                for line in lines:
                    about, _, path = line.partition(b"\t")
                    mode, _, name = about.split(b" ")
                    yield mode, name, path
                count += len(lines)
                if count > max_entries or len(rest) > _MOST_OF_A_LINE:
                    raise QuotaExceeded(f"it has more than {max_entries} entries")
        finally:
            git.kill()


def _contents(
    objects: subprocess.Popen[bytes], name: bytes, at_most: int | None = None
) -> Iterator[bytes]:
    """Yield the contents of an object, all of which has to be read."""
    assert objects.stdin is not None  # noqa: S101 - asked for
    assert objects.stdout is not None  # noqa: S101
    objects.stdin.write(name + b"\n")
    objects.stdin.flush()
    about = objects.stdout.readline(_MOST_OF_A_LINE).split()
    if len(about) != 3 or about[:2] != [name, b"blob"]:
        raise GitFailed(f"object {name.decode(errors='replace')} is missing")
    left = int(about[2])
    if at_most is not None and left > at_most:
        raise ImportRefused("it has a link that is longer than any path")
    while left:
        chunk = _some(objects.stdout, min(left, _CHUNK_BYTES))
        left -= len(chunk)
        yield chunk
    objects.stdout.read(1)


def _some(stream: IO[bytes], at_most: int) -> bytes:
    chunk = stream.read(at_most)
    if not chunk:
        raise GitFailed("git broke off")
    return chunk
