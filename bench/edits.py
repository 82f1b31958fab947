"""What happens to a project between two saves, and how a copy of it falls behind.

Every change is drawn from a seed, so that all peers see the same ones.
"""

import random
import shutil
from collections.abc import Iterator
from pathlib import Path

_SEED = 42
_BEHIND = 0.05
"""The share of the files that differ where a restore meets 95 % equal ones."""


class Editor:
    """Somebody who changes one source file at a time."""

    def __init__(self, project: Path) -> None:
        self._sources = sorted(project.glob("src/**/*.tsx"))
        self._chance = random.Random(_SEED)
        self._edits = 0

    def edit(self) -> None:
        """Put one new line into one file, somewhere in the middle of it."""
        self._edits += 1
        path = self._chance.choice(self._sources)
        lines = path.read_text().splitlines(keepends=True)
        line = f"const edit{self._edits} = {self._chance.random()};\n"
        lines.insert(self._chance.randrange(len(lines) + 1), line)
        path.write_text("".join(lines))


def fall_behind(project: Path, copy: Path) -> int:
    """Make `copy` of a project in which 5 % of the files are old or missing.

    Returns:
        How many files a restore has to bring back.
    """
    shutil.copytree(project, copy)
    files = sorted(path for path in copy.rglob("*") if path.is_file())
    chance = random.Random(_SEED)
    behind = chance.sample(files, max(2, round(len(files) * _BEHIND)))
    for path, is_missing in zip(behind, _alternately(), strict=False):
        if is_missing:
            path.unlink()
        else:
            # One byte less: whoever goes by size alone must have a chance to see it.
            path.write_bytes(path.read_bytes()[1:])
    return len(behind)


def _alternately() -> Iterator[bool]:
    while True:
        yield from (True, False)
