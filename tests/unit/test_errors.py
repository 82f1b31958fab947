"""Every failure that has a name says what to do, and ends with a code of the table."""

import importlib
import pkgutil
import re
from pathlib import Path

import pytest

import expokeep
from expokeep.errors import ExpokeepError

README = (Path(__file__).parents[2] / "README.md").read_text()

NEVER_TOLD = {
    "BaseMoved": "shipping looks again where the chain ends",
    "FileChanged": "the file is read again",
    "KeptChanging": "the file is left to the next snapshot",
    "ObjectExists": "an object of our own that is there already is as good",
    "Outdated": "the next look decides anew",
    "PackGone": "the contents are stored again",
    "ReuseGone": "the contents are stored again",
    "SeqTaken": "the next number is taken",
    "Unreached": "a webhook is tried again, and its row says why",
    "_BrokeOff": "the answer is asked for again",
}
"""What somebody of ours catches, and what becomes of it then."""


def below(kind):
    for more in kind.__subclasses__():
        yield more
        yield from below(more)


def named():
    for module in pkgutil.walk_packages(expokeep.__path__, "expokeep."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    own = [kind for kind in below(ExpokeepError) if kind.__module__.startswith("expo")]
    return sorted(set(own), key=lambda kind: kind.__qualname__)


def documented():
    section = README.split("\n### Exit codes\n", 1)[1].split("\n#", 1)[0]
    return {int(code) for code in re.findall(r"^\| (\d+) \|", section, re.MULTILINE)}


@pytest.mark.parametrize("kind", named(), ids=lambda kind: kind.__qualname__)
def test_a_named_failure_has_a_hint_and_a_code_of_the_table(kind):
    assert kind.hint or kind.__name__ in NEVER_TOLD
    assert kind.exit_code in documented()
    assert kind.exit_code != 0


def test_what_is_never_told_exists():
    assert set(NEVER_TOLD) <= {kind.__name__ for kind in named()}


def test_a_hint_is_a_sentence():
    hints = [kind.hint for kind in named() if kind.hint]

    assert len(hints) > 30
    assert not [hint for hint in hints if not hint.rstrip("`").endswith((".", ")"))]
