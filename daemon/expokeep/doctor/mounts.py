"""Which file system a path is on, as a process sees it."""

import os
import re
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

_ESCAPE = re.compile(r"\\([0-7]{3})")


@dataclass(frozen=True, slots=True)
class Place:
    """Where something is: two paths with equal places are one and the same."""

    device: str
    path: str
    """Within the file system."""
    kind: str = ""
    """Of the file system: ext4, tmpfs, nfs4."""

    @property
    def identity(self) -> tuple[str, str]:
        """What is equal where the same directory is meant."""
        return self.device, self.path


def place_of(path: Path, pid: int | str = "self") -> Place | None:
    """Return where a path is, as process `pid` sees it; None if that cannot be told.

    Symbolic links in it are not followed.
    """
    try:
        table = Path(f"/proc/{pid}/mountinfo").read_bytes()
    except OSError:
        return None
    return place_in(os.fsdecode(table), path)


def place_in(table: str, path: Path) -> Place | None:
    """Return where a path is, by the words of a `mountinfo`.

    >>> line = "36 35 98:0 /private/tmp /tmp rw,noatime master:1 - ext4 /dev/root rw"
    >>> place_in(line, Path("/tmp/expo-1"))
    Place(device='98:0', path='/private/tmp/expo-1', kind='ext4')
    """
    best: tuple[int, Place] | None = None
    # By line feeds alone: the kernel escapes no other end of a line, and a user's mount
    # may be called so.
    for line in filter(None, table.split("\n")):
        words, _, rest = line.partition(" - ")
        _, _, device, root, at, *_ = words.split(" ")
        point = PurePosixPath(_unescaped(at))
        if not path.is_relative_to(point):
            continue
        # What is mounted later covers what was mounted on the same point before.
        if best is None or len(point.parts) >= best[0]:
            inner = PurePosixPath(_unescaped(root)) / path.relative_to(point)
            kind = rest.split(" ")[0]
            best = len(point.parts), Place(device, str(inner), kind)
    return best[1] if best else None


def _unescaped(text: str) -> str:
    return _ESCAPE.sub(lambda found: chr(int(found[1], 8)), text)
