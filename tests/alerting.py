"""The alert rules and the dashboard that we ship, read as values.

Knows YAML, JSON and so much of PromQL as it takes to say which metrics and labels an
expression names; whether an expression is right, Prometheus itself is asked.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

TOP = Path(__file__).parents[1]
RULES = TOP / "config/prometheus/expokeep.rules.yml"
DASHBOARD = TOP / "config/grafana/expokeep.json"
TRIALS = sorted((TOP / "tests/monitoring/alerts").glob("*.yml"))

_METRIC = re.compile(
    r"(?<![\w:])((?:(?:[a-z]+:)?expokeep_|process_|up\b)[a-z0-9_:]*)(\{[^}]*\})?(?!\()"
)
_MATCHER = re.compile(r'([a-z_]+)\s*(=~|!~|!=|=)\s*"([^"]*)"')
_LABELS = re.compile(r"\b(?:by|without|on|ignoring|group_left)\s*\(([^)]*)\)")
_QUOTED = re.compile(r'"[^"]*"')

GIVEN = {"job", "instance", "alertname", "severity"}
"""Labels that Prometheus adds, or our rules do."""


def rules() -> list[dict[str, Any]]:
    """Return every rule that we ship, in its order."""
    groups = yaml.safe_load(RULES.read_text())["groups"]
    return [rule for group in groups for rule in group["rules"]]


def alerts() -> dict[str, dict[str, Any]]:
    """Return every alert, by its name."""
    return {rule["alert"]: rule for rule in rules() if "alert" in rule}


@dataclass(frozen=True, slots=True)
class Asked:
    """That an expression asks for a metric."""

    metric: str
    matchers: tuple[tuple[str, str, str], ...]
    """Label, operator and value."""


def asked(expression: str) -> Iterator[Asked]:
    """Yield what an expression asks for.

    >>> list(asked('sum by (job) (rate(expokeep_versions_total{kind="a"}[5m]))'))
    [Asked(metric='expokeep_versions_total', matchers=(('kind', '=', 'a'),))]
    """
    for name, braces in _METRIC.findall(expression):
        yield Asked(name, tuple(_MATCHER.findall(braces)))


def grouped(expression: str) -> set[str]:
    """Return the labels that an expression joins or adds up by.

    >>> sorted(grouped("max by (chore, job) (x) / on (job) y"))
    ['chore', 'job']
    """
    bare = _QUOTED.sub('""', expression)
    listed = (found.split(",") for found in _LABELS.findall(bare))
    return {label.strip() for labels in listed for label in labels if label.strip()}


def dashboard() -> dict[str, Any]:
    """Return the dashboard that we ship."""
    read: dict[str, Any] = json.loads(DASHBOARD.read_text())
    return read


def panels() -> list[dict[str, Any]]:
    """Return the panels that show something, in the order of the page."""
    return [one for one in dashboard()["panels"] if one["type"] not in {"row", "text"}]


def queries() -> dict[str, str]:
    """Return each query of the dashboard, by its panel and letter."""
    of_panels = {
        f"{panel['title']} {target['refId']}": target["expr"]
        for panel in panels()
        for target in panel["targets"]
    }
    marks = dashboard()["annotations"]["list"]
    return of_panels | {one["name"]: one["expr"] for one in marks if "expr" in one}


def filled_in(query: str, values: Mapping[str, str]) -> str:
    """Return a query as Grafana would send it.

    >>> filled_in('rate(x{job=~"$job"}[$__rate_interval])',
    ...           {"job": ".*", "__rate_interval": "4s"})
    'rate(x{job=~".*"}[4s])'
    """
    return re.sub(r"\$(\w+)", lambda found: values[found[1]], query)
