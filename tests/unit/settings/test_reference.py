"""The reference has every key, as it is declared."""

import re
from pathlib import Path

from expokeep.settings.declare import keys
from expokeep.settings.reference import reference
from expokeep.settings.renewing import LIVE
from expokeep.settings.values import Settings

PAGE = Path(__file__).parents[3] / "docs/CONFIGURATION.md"


def rows() -> dict[str, list[str]]:
    """Return the cells of each row, by its key."""
    lines = [line for line in PAGE.read_text().splitlines() if line.startswith("| `")]
    cells = [re.split(r"(?<!\\) \| ", line.strip("| ")) for line in lines]
    return {first.strip("`"): [first, *rest] for first, *rest in cells}


def test_the_page_is_the_one_that_the_declarations_write():
    assert PAGE.read_text() == reference(), "run `make docs`"


def test_every_key_is_explained_with_range_default_and_variable():
    found = rows()

    assert set(found) == set(keys(Settings))
    for key, declared in keys(Settings).items():
        _, why, allowed, default, *_ = found[key]
        assert len(why) > 8, key
        assert allowed, key
        assert default, key
        assert not declared.env or f"`{declared.env}`" in " ".join(found[key])


def test_what_follows_a_reload_is_said():
    follows = {key for key, cells in rows().items() if cells[-1].endswith("yes")}

    assert follows == LIVE
