"""What the user's document expects of sizes, at a tenth of its scale."""

import os
import random

import pytest

from expokeep.store.memory import MemoryStore
from journeys import SHOP, keeper

MEGABYTE = 1_000_000


@pytest.fixture
def store():
    return MemoryStore()


@pytest.fixture
def host(catalog, store, tmp_path):
    with keeper(catalog, store, tmp_path) as here:
        here.home(SHOP).mkdir()
        yield here


def script(seed: int, size_bytes: int) -> str:
    """Return source text as components are: much structure, some words of its own."""
    chance = random.Random(seed)
    lines, length = [], 0
    while length < size_bytes:
        name = (
            f"{chance.choice(['Card', 'List', 'Chart', 'Form'])}{chance.randrange(99)}"
        )
        line = (
            f"export function {name}({{ style, children, onPress }}: Props) {{\n"
            f"  const [value, setValue] = useState({chance.randrange(10_000)});\n"
            "  return (\n    <View style={[styles.container, style]}>\n"
            f"      <Text style={{styles.title}}>{{value}} {name}</Text>\n"
            "      {children}\n    </View>\n  );\n}\n\n"
        )
        lines.append(line)
        length += len(line)
    return "".join(lines)


def fill(top, files: int, bytes_each: int, suffix: str) -> None:
    top.mkdir(parents=True)
    for number in range(files):
        (top / f"{number}{suffix}").write_text(script(number, bytes_each))


def size_of(top) -> int:
    return sum(path.stat().st_size for path in top.rglob("*") if path.is_file())


def test_a_fresh_app_is_stored_in_a_tenth_of_its_size(host, store):
    fill(host.home(SHOP) / "node_modules/react", 40, 100_000, ".js")
    fill(host.home(SHOP) / "src", 20, 20_000, ".tsx")

    host.save()

    assert store.usage().bytes_sent < 0.1 * size_of(host.home(SHOP))


def test_an_app_with_assets_is_stored_in_a_tenth_of_its_size(host, store):
    fill(host.home(SHOP) / "node_modules/react", 160, 100_000, ".js")
    fill(host.home(SHOP) / "src", 20, 20_000, ".tsx")
    (host.home(SHOP) / "hero.png").write_bytes(os.urandom(15 * MEGABYTE // 10))

    host.save()

    assert store.usage().bytes_sent < 0.1 * size_of(host.home(SHOP))


def test_an_app_of_much_code_is_stored_in_fifteen_hundredths_of_its_size(host, store):
    fill(host.home(SHOP) / "src", 100, 100_000, ".tsx")

    host.save()

    assert store.usage().bytes_sent < 0.15 * size_of(host.home(SHOP))
