"""The alert rules, as promtool reads them and as it sees them fire."""

import re
from pathlib import Path

import click
import pytest
import yaml

from alerting import RULES, TOP, TRIALS, alerts, rules
from expokeep.cli.main import cli
from scraping import promtool

SEVERITIES = {"critical", "warning", "info"}
SAYS_WHAT_TO_DO = {"summary", "description", "runbook_url"}
FIRING = re.compile(
    r'count by \([a-z, ]+\) \(ALERTS\{alertname="(\w+)",alertstate="firing"\}\)'
)
"""What a trial asks for; of ALERTS, so that no trial repeats what an alert says."""


def test_promtool_accepts_the_rules():
    done = promtool("check", "rules", "--lint=all", "--lint-fatal", RULES)

    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("trial", TRIALS, ids=lambda path: path.stem)
def test_alerts_fire_when_they_should_and_not_before(trial):
    done = promtool("test", "rules", trial)

    assert done.returncode == 0, done.stdout + done.stderr


def expectations():
    """Yield each alert that is tried, and the samples that it should have."""
    for trial in TRIALS:
        for case in yaml.safe_load(trial.read_text())["tests"]:
            for expected in case["promql_expr_test"]:
                name = FIRING.fullmatch(expected["expr"]).group(1)
                yield name, expected["exp_samples"]


def test_every_alert_was_seen_to_fire_and_seen_to_be_silent():
    tried = {(name, bool(samples)) for name, samples in expectations()}

    missing = {(name, fires) for name in alerts() for fires in (True, False)} - tried
    unknown = {name for name, _ in tried} - set(alerts())

    assert not missing
    assert not unknown


def test_every_alert_says_how_bad_it_is_and_what_to_do():
    for name, rule in alerts().items():
        assert name.startswith("Expokeep"), name
        assert rule["labels"]["severity"] in SEVERITIES, name
        assert set(rule["annotations"]) == SAYS_WHAT_TO_DO, name


def test_every_alert_tells_only_of_labels_that_it_was_seen_to_have():
    seen = {name: samples[0]["labels"] for name, samples in expectations() if samples}

    for name, rule in alerts().items():
        told = re.findall(r"\$labels\.(\w+)", str(rule["annotations"]))

        assert set(told) <= set(re.findall(r"(\w+)=", seen[name])), name


def command_of(words):
    """Return the command that words name, and what follows them."""
    command = cli
    for number, word in enumerate(words):
        if not isinstance(command, click.Group):
            return command, words[number:]
        command = command.get_command(click.Context(command), word)
        assert command, words
    return command, []


def test_every_command_that_an_alert_names_exists_with_its_options():
    named = re.findall(r"`expokeep ([^`]+)`", RULES.read_text().replace("\n", " "))

    assert len(named) > 30
    for words in named:
        command, given = command_of(re.sub(r"\{\{.*?\}\}", "check", words).split())
        options = {name for one in command.params for name in one.opts}

        assert {word for word in given if word.startswith("-")} <= options, words


def anchor(heading):
    return re.sub(r"[^a-z0-9 -]", "", heading.lower()).replace(" ", "-")


def test_every_alert_leads_to_a_section_of_the_runbook_that_names_it():
    runbook = (TOP / "docs/RUNBOOK.md").read_text()
    sections = {
        anchor(section.splitlines()[0]): section
        for section in re.split(r"^## ", runbook, flags=re.MULTILINE)[1:]
    }

    for name, rule in alerts().items():
        page, _, place = rule["annotations"]["runbook_url"].partition("#")

        assert page == "docs/RUNBOOK.md", name
        assert place in sections, name
        assert f"`{name}`" in sections[place], f"{name} in {place}"


def test_the_page_on_monitoring_lists_every_alert_and_names_no_other():
    page = (TOP / "docs/MONITORING.md").read_text()

    listed = dict(re.findall(r"^\| `(\w+)` \| (\w+) \|", page, re.MULTILINE))

    assert listed == {
        name: rule["labels"]["severity"] for name, rule in alerts().items()
    }
    assert set(re.findall(r"Expokeep[A-Z]\w+", page)) == set(alerts())


def test_no_alert_and_no_record_is_there_twice():
    names = [rule.get("alert") or rule["record"] for rule in rules()]

    severity = [
        (rule["alert"], rule["labels"]["severity"])
        for rule in rules()
        if "alert" in rule
    ]
    assert len(set(names)) == len(names)
    assert len(set(severity)) == len(severity)


def test_every_trial_is_of_the_rules_that_are_shipped():
    for trial in TRIALS:
        named = yaml.safe_load(trial.read_text())["rule_files"]

        assert [(trial.parent / Path(one)).resolve() for one in named] == [RULES]
