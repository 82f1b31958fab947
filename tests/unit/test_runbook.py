"""Holds the runbook to the states and failures that there are."""

import re
from pathlib import Path

import pytest

from expokeep.errors import ExpokeepError
from expokeep.model.guard import Life, refusal

TOP = Path(__file__).parents[2]
RUNBOOK = (TOP / "docs/RUNBOOK.md").read_text()
PAGES = ["CHANGELOG.md", "README.md", "docs/API.md", "docs/RUNBOOK.md"]

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
