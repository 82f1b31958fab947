"""The three projects that are saved, the same bytes in every run.

`template` is a fresh Expo template. The two larger ones grow from it: text is its lines
with their words exchanged, so that it compresses as code does and no two files are
alike; images are random bytes, which no peer can compress or share.
"""

import math
import os
import random
import re
import shutil
from dataclasses import dataclass
from pathlib import Path

_SEED = 20261124
_MADE_AT_S = 1_760_000_000
"""The time of every file's last change: long ago, so that nobody has to doubt it."""
_TEXT = {".ts", ".tsx", ".js", ".json", ".md", ".css"}
_WORD = re.compile(r"[A-Za-z]{4,}")
_EXCHANGED = 0.2
"""The share of words that are a file's own. zstd then finds 5.8 to 1, as in code."""


@dataclass(frozen=True, slots=True)
class Shape:
    """How a project is made: files and bytes, of text and of images."""

    name: str
    texts: int = 0
    text_bytes: int = 0
    images: int = 0
    image_bytes: int = 0


TEMPLATE = Shape("template")
MEDIUM = Shape("medium", 240, 2_000_000, 60, 28_000_000)
LARGE = Shape("large", 3_700, 26_000_000, 300, 54_000_000)
SHAPES = (TEMPLATE, MEDIUM, LARGE)


@dataclass(frozen=True, slots=True)
class Project:
    """A project on disk that peers get copies of."""

    name: str
    root: Path
    files: int
    size_bytes: int


def grow(shape: Shape, template: Path, root: Path) -> Project:
    """Make the project `shape` at `root`, which must not exist, from the template."""
    shutil.copytree(template, root)
    chance = random.Random(f"{_SEED} {shape.name}")
    words = _Words(template, chance)
    for number, size in enumerate(_sizes(chance, shape.texts, shape.text_bytes)):
        path = (
            root / "src" / f"feature{number // 40:02}" / f"{words.name()}{number}.tsx"
        )
        path.parent.mkdir(exist_ok=True)
        path.write_text(words.text(size))
    for number, size in enumerate(_sizes(chance, shape.images, shape.image_bytes)):
        path = root / "assets" / "photos" / f"{words.name()}{number}.png"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"\x89PNG\r\n\x1a\n" + chance.randbytes(size))
    return _settled(shape.name, root)


def _settled(name: str, root: Path) -> Project:
    """Give every file the same old time, and count them."""
    sizes = []
    for path in root.rglob("*"):
        os.utime(path, (_MADE_AT_S, _MADE_AT_S))
        if path.is_file():
            sizes.append(path.stat().st_size)
    return Project(name, root, len(sizes), sum(sizes))


def _sizes(chance: random.Random, count: int, total_bytes: int) -> list[int]:
    """`count` sizes that add up to about `total_bytes`: many small, some large."""
    weights = [math.exp(chance.gauss(0, 1)) for _ in range(count)]
    return [int(total_bytes * weight / sum(weights)) for weight in weights]


class _Words:
    """The template's vocabulary, and new text made of it."""

    def __init__(self, template: Path, chance: random.Random) -> None:
        sources = sorted(p for p in template.rglob("*") if p.suffix in _TEXT)
        text = "\n".join(path.read_text() for path in sources)
        self._lines = [line for line in text.splitlines() if line.strip()]
        self._words: list[str] = sorted(set(_WORD.findall(text)))
        self._chance = chance

    def name(self) -> str:
        """Return a new name of two words."""
        first, second = self._chance.choices(self._words, k=2)
        return first + second.capitalize()

    def text(self, size_bytes: int) -> str:
        """Return code-like text of `size_bytes` bytes or one line more."""
        own_names = [self.name() for _ in range(8)]
        lines: list[str] = []
        length = 0
        while length < size_bytes:
            line = self._line(own_names)
            lines.append(line)
            length += len(line.encode()) + 1
        return "\n".join(lines) + "\n"

    def _line(self, own_names: list[str]) -> str:
        """One of the template's lines, some of its words replaced by the file's own."""

        def exchange(found: re.Match[str]) -> str:
            is_exchanged = self._chance.random() < _EXCHANGED
            return self._chance.choice(own_names) if is_exchanged else str(found[0])

        return _WORD.sub(exchange, self._chance.choice(self._lines))
