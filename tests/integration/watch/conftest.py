"""A watch root with an observer on it, and a session in it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from watching import Scene, watching


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    with watching(tmp_path) as scene:
        yield scene


@pytest.fixture
def shop(scene: Scene) -> Path:
    """A session with a few directories, that everybody has heard of."""
    shop = scene.tmp / "expo-shop"
    (shop / "src" / "app").mkdir(parents=True)
    (shop / "src" / "app" / "index.js").write_text("one")
    (shop / "node_modules" / "react").mkdir(parents=True)
    scene.told()
    return shop
