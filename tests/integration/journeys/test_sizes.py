"""What the user's document expects of sizes, at a tenth of its scale."""

import email
import os
import random
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest

from expokeep.settings.policies import LEVELS
from expokeep.store.memory import MemoryStore
from journeys import POLICY, SHOP, keeper, seen_in

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


def test_more_work_makes_less_and_off_makes_nothing_smaller(host, store):
    sent_bytes = {}
    for setting, (base, later) in LEVELS.items():
        session = f"{SHOP}-{setting}"
        code = host.home(session) / "src"
        code.mkdir(parents=True)
        for path in Path(email.__file__).parent.glob(
            "*.py"
        ):  # real code, from anywhere
            (code / path.name).write_text(f"# {setting}\n{path.read_text()}")
        host.policy = replace(POLICY, base_level=base, incremental_level=later)
        host.restart()
        before_bytes = store.usage().bytes_sent
        host.save(session)
        sent_bytes[setting] = store.usage().bytes_sent - before_bytes
        back = host.top / f"back-{setting}"
        host.restore(session, back)
        assert seen_in(back) == seen_in(host.home(session))

    raw_bytes = size_of(host.home(f"{SHOP}-off"))
    assert list(LEVELS) == ["off", "fastest", "auto", "better", "max"]
    assert raw_bytes < sent_bytes["off"] < 1.1 * raw_bytes
    assert all(more > less for more, less in pairwise(sent_bytes.values()))


def test_an_image_gets_no_work_whatever_the_setting(host, store):
    home = host.home(SHOP)
    host.policy = replace(POLICY, base_level=19, incremental_level=19)
    host.restart()
    (home / "a.png").write_text(script(1, 200_000))
    host.save()
    image_bytes = store.usage().bytes_sent
    (home / "a.tsx").write_text(script(2, 200_000))
    host.save()

    assert store.usage().bytes_sent - image_bytes < 0.8 * image_bytes


def test_a_large_file_that_packs_to_next_to_nothing_comes_back(host, tmp_path):
    home = host.home(SHOP)
    (home / "package.json").write_text("{}")
    (home / "trace.log.txt").write_bytes(b"nothing happened\n" * 1_500_000)
    host.save()

    host.restore("shop", tmp_path / "back")

    assert seen_in(tmp_path / "back") == seen_in(home)
