"""Holds the runbook to the states and failures that there are."""

import re
import shlex
from pathlib import Path

import click
import pytest

from expokeep.cli.main import cli
from expokeep.errors import ExpokeepError
from expokeep.model.guard import Life, refusal

TOP = Path(__file__).parents[2]
RUNBOOK = (TOP / "docs/RUNBOOK.md").read_text()
PAGES = ["CHANGELOG.md", "README.md", "docs/API.md", "docs/RUNBOOK.md"]

TYPED = ["README.md", *sorted(f"docs/{one.name}" for one in TOP.glob("docs/*.md"))]
"""Where calls of ours are written down for somebody to type."""
NOT_TYPED = ("refuses",)
"""Words that follow our name in what we say."""
OF_ALL = {"--help", *(name for one in cli.params for name in one.opts)}

BLOCKS = re.compile(r"```sh\n(.*?)```", re.DOTALL)
CALL = re.compile(r"(?:sudo )?(?:[A-Z_]+=\S+ )*expokeep (.+)")
OF_THE_CALLER = {1, 2, 3, 124}
"""Exit codes whose message says all: there is no state to mend."""


def anchor(heading: str) -> str:
    return re.sub(r"[^a-z0-9 -]", "", heading.lower()).replace(" ", "-")


def test_every_failure_that_an_operator_can_mend_has_its_place():
    codes = {kind.exit_code for kind in ExpokeepError.__subclasses__()}
    told = set(
        map(int, re.findall(r"\b(?:exit|Exit|[Ww]ith|ends with) (\d+)", RUNBOOK))
    )

    assert codes - OF_THE_CALLER <= told | {78}


def test_every_reason_to_park_a_version_is_explained():
    reasons = {
        refusal(Life(False, False, is_whole=is_whole, is_edited=False))
        for is_whole in (True, False)
    }

    assert all(reason in RUNBOOK for reason in reasons)


def test_every_symptom_leads_to_a_section_and_every_section_says_what_to_do():
    sections = re.split(r"^## ", RUNBOOK, flags=re.MULTILINE)[1:]
    anchors = {anchor(section.splitlines()[0]) for section in sections}
    linked = set(re.findall(r"\]\(#([a-z0-9-]+)\)", RUNBOOK))

    assert linked <= anchors
    assert not [section[:40] for section in sections if "You see" not in section]
    says = re.compile(r"\*\*Do\*\*|\| do \|")
    assert not [one[:40] for one in sections if not says.search(one)]


@pytest.mark.parametrize("page", PAGES)
def test_no_page_says_a_thing_twice(page):
    paragraphs = [
        one for one in (TOP / page).read_text().split("\n\n") if len(one) > 90
    ]

    assert len(paragraphs) == len(set(paragraphs))


def commands(page: str) -> list[list[str]]:
    """Return every call of `expokeep` that a page names, word by word."""
    whole = (TOP / page).read_text()
    spans = re.findall(r"`([^`\n]+)`", re.sub(r"```.*?```", "", whole, flags=re.DOTALL))
    typed = [line for block in BLOCKS.findall(whole) for line in block.splitlines()]
    found = []
    for text in (*spans, *typed):
        for call in re.split(r"\$\(|\|\||&&|;|\n", text):
            if match := CALL.match(call.strip()):
                words = shlex.split(re.sub(r"[)>|].*", "", match[1]), comments=True)
                own = words[: words.index("--")] if "--" in words else words
                found.append([word for word in own if word != "..."])
    return [words for words in found if words[0] not in NOT_TYPED]


CALLS = commands("docs/RUNBOOK.md")


def command_of(words: list[str]) -> tuple[click.Command, list[str]]:
    """Return which command is meant, and the words that are left for it."""
    found: click.Command | None = cli
    rest = list(words)
    while isinstance(found, click.Group) and rest and rest[0] in known(found):
        found = found.get_command(click.Context(found), rest.pop(0))
    assert found is not None
    return found, rest


def known(group: click.Group) -> list[str]:
    return group.list_commands(click.Context(group))


def strange_options(command: click.Command, words: list[str]) -> set[str]:
    """Return the options among these words that a command does not have."""
    its = {name for one in command.params for name in one.opts + one.secondary_opts}
    return {word.split("=")[0] for word in words if re.match(r"--?[a-z]", word)} - its


@pytest.mark.parametrize("words", CALLS, ids=" ".join)
def test_a_command_that_is_to_be_typed_exists_with_its_options(words):
    command, rest = command_of(words)

    assert command is not cli, words
    assert strange_options(command, rest) == set()


@pytest.mark.parametrize("page", TYPED)
def test_what_any_page_has_somebody_type_exists_with_its_options(page):
    for words in commands(page):
        own = words[2:] if words[0] == "-c" else words
        command, rest = command_of(own)

        assert command is not cli or own[0] in OF_ALL | {"VERB"}, words
        assert strange_options(command, rest) <= OF_ALL, words


def test_there_are_commands_to_look_at():
    assert len(CALLS) > 80


def test_every_way_in_which_the_daemon_ends_is_explained():
    section = RUNBOOK.split("## The daemon does not start", 1)[1].split("\n## ", 1)[0]
    told = set(map(int, re.findall(r"^\| exit (\d+)", section, re.MULTILINE)))

    assert told == {1, 2, 11, 12, 18, 78}


def test_every_section_is_named_at_the_top():
    top, *rest = re.split(r"^## ", RUNBOOK, flags=re.MULTILINE)
    headings = [one.splitlines()[0] for one in rest]
    missing = [one for one in headings if f"(#{anchor(one)})" not in top]

    assert not missing
