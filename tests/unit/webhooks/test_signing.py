"""Signatures, as docs/HOOKS.md says that a receiver proves them."""

import json
import re
import subprocess
from pathlib import Path

import pytest

from expokeep.webhooks.signing import signature

HOOKS = (Path(__file__).parents[3] / "docs/HOOKS.md").read_text()
RECIPE = re.search(r"```js\n(.*?)```", HOOKS, re.DOTALL)[1]
SECRET, NOW = "a secret", 1_764_000_000
BODY = json.dumps({"kind": "version.created", "message": "ä ö ü"}, ensure_ascii=False)


@pytest.fixture
def proves(tmp_path):
    """The recipe, run by node."""
    (tmp_path / "recipe.mjs").write_text(RECIPE)
    (tmp_path / "run.mjs").write_text(
        'import { isOurs } from "./recipe.mjs";\n'
        "const [body, header, secret, now] = process.argv.slice(2);\n"
        "console.log(isOurs(body, header, secret, Number(now)));\n"
    )

    def proves(body, header, secret=SECRET, now=NOW):
        done = subprocess.run(
            ["node", tmp_path / "run.mjs", body, header, secret, str(now)],
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout == "true\n"

    return proves


def test_the_recipe_proves_what_is_ours_and_nothing_else(proves):
    header = signature(SECRET, NOW, BODY.encode())
    flipped = header[:-1] + ("0" if header[-1] != "0" else "1")

    assert proves(BODY, header)
    assert not proves(BODY + " ", header)
    assert not proves(BODY, header, secret="another")
    assert not proves(BODY, header, now=NOW + 301)
    assert not proves(BODY, flipped)
    assert not proves(BODY, f"t={NOW}")


def test_the_time_is_signed_too():
    body = BODY.encode()
    one, other = signature(SECRET, NOW, body), signature(SECRET, NOW + 1, body)

    assert one.partition("v1=")[2] != other.partition("v1=")[2]
