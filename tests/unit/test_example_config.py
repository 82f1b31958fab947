"""The example is what an operator reads first: complete, and true."""

from pathlib import Path

import yaml

from expokeep.settings.declare import Setting, keys
from expokeep.settings.example import example
from expokeep.settings.load import load
from expokeep.settings.values import Settings

EXAMPLE = Path(__file__).parents[2] / "config/expokeep.example.yaml"
HOME = {"HOME": "/home/somebody"}


def test_the_example_is_the_one_that_the_declaration_writes() -> None:
    assert EXAMPLE.read_text() == example(), "run `make docs`"


def test_the_example_parses_to_the_defaults() -> None:
    loaded = load(path=EXAMPLE, environ=HOME, flags={})

    assert loaded.settings == load(path=None, environ=HOME, flags={}).settings


def test_the_example_has_every_setting_and_no_other() -> None:
    assert set(_keys(yaml.safe_load(EXAMPLE.read_text()))) == set(keys(Settings))


def test_every_setting_says_its_default_and_its_reason() -> None:
    text = " ".join(EXAMPLE.read_text().replace("#", " ").split())

    for declared in keys(Settings).values():
        assert declared.why in text
        assert _default_as_told(declared) in text


def test_the_example_takes_the_variables_of_the_users_document() -> None:
    environ = HOME | {"R2_BUCKET_NAME": "other", "BUILD_RETENTION_DAYS": "7"}

    settings = load(path=EXAMPLE, environ=environ, flags={}).settings

    assert (settings.storage.bucket, settings.retention.days) == ("other", 7)


def _default_as_told(declared: Setting) -> str:
    if isinstance(declared.default, tuple):
        return f"A list; each is {declared.kind.allowed}."
    told = (
        f"Default: {declared.default}." if declared.default else "Not set by default."
    )
    return f"{declared.kind.allowed[1:]}. {told}"


def _keys(tree: object, at: str = "") -> list[str]:
    if isinstance(tree, dict):
        pairs = [(f"{at}.{key}".lstrip("."), value) for key, value in tree.items()]
        return [found for key, value in pairs for found in _keys(value, key)]
    if isinstance(tree, list) and isinstance(tree[0], dict):
        return _keys(tree[0], f"{at}[]")
    return [at]
