"""Holds the tree to docs/STYLE.md where no other tool does."""

import ast
import functools
import re
import subprocess
from pathlib import Path

import pytest

TOP = Path(__file__).parents[2]
PACKAGE = TOP / "daemon/expokeep"
SOURCES = sorted(PACKAGE.rglob("*.py"))
TESTS = sorted((TOP / "tests").rglob("*.py"))

MAX_MODULE_LINES = 300
MAX_FUNCTION_LINES = 40
MAX_PUBLIC_METHODS = 20  # a Protocol names all that is asked; classes aim for seven

DOORS = {
    "backports": ("pack/zstd.py",),
    "boto3": ("store/s3/",),
    "botocore": ("store/s3/",),
    "click": ("cli/", "service/main.py"),
    "compression": ("pack/zstd.py",),
    "pathspec": ("model/ignore.py",),
    "prometheus_client": ("service/monitoring/exposition.py",),
    "psycopg": ("catalog/",),
    "psycopg_pool": ("catalog/",),
    "rich": ("cli/",),
    "sdnotify": ("service/systemd.py",),
    "starlette": ("control/",),
    "structlog": ("log.py",),
    "urllib3": ("store/s3/", "webhooks/sending.py"),
    "uvicorn": ("control/",),
    "watchdog": ("watch/inotify.py",),
    "xxhash": ("worktree/reading.py",),
    "yaml": ("settings/document.py",),
}
"""Each outside dependency, and the only places that may import it."""

CLOCK_CALLS = re.compile(
    r"datetime\.now\(|utcnow\(|time\.(time|time_ns|monotonic|monotonic_ns|sleep)\("
)


def _named(path: Path) -> str:
    return str(path.relative_to(PACKAGE))


@functools.cache
def _nodes(path: Path) -> list[ast.AST]:
    return [*ast.walk(ast.parse(path.read_text()))]


@functools.cache
def _imports(path: Path) -> set[str]:
    found: set[str] = set()
    for node in _nodes(path):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module.partition(".")[0])
    return found


@pytest.mark.parametrize("package", DOORS)
def test_each_dependency_has_one_door(package):
    users = [_named(path) for path in SOURCES if package in _imports(path)]

    strangers = [user for user in users if not user.startswith(DOORS[package])]

    assert not strangers


def test_every_module_is_short():
    long = {
        _named(path): lines
        for path in SOURCES
        if (lines := len(path.read_text().splitlines())) > MAX_MODULE_LINES
    }

    assert not long


def test_every_function_is_short():
    long = [
        f"{_named(path)}:{node.lineno} {node.name} {node.end_lineno - node.lineno + 1}"
        for path in SOURCES
        for node in _nodes(path)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.end_lineno - node.lineno + 1 > MAX_FUNCTION_LINES
    ]

    assert not long


def test_every_class_has_one_job():
    broad = [
        f"{_named(path)} {node.name}"
        for path in SOURCES
        for node in _nodes(path)
        if isinstance(node, ast.ClassDef)
        and sum(
            isinstance(child, ast.FunctionDef) and not child.name.startswith("_")
            for child in node.body
        )
        > MAX_PUBLIC_METHODS
    ]

    assert not broad


def test_only_the_clock_looks_at_a_clock():
    lookers = [
        _named(path)
        for path in SOURCES
        if _named(path) != "clock.py" and CLOCK_CALLS.search(path.read_text())
    ]

    assert not lookers


def test_no_module_has_a_name_that_says_nothing():
    refused = {"utils", "util", "common", "helpers", "misc", "manager"}

    assert not [path for path in SOURCES if path.stem in refused]


def test_nothing_is_left_for_later():
    marks = re.compile(r"\b(TODO|FIXME|XXX)\b|NotImplementedError")

    left = [str(path) for path in SOURCES if marks.search(path.read_text())]

    assert not left


def test_no_test_sleeps_or_is_skipped():
    idle = re.compile(r"\btime\.sleep\(|mark\.(skip|skipif|xfail)|pytest\.skip\(")
    own = Path(__file__)

    found = [
        str(path) for path in TESTS if path != own and idle.search(path.read_text())
    ]

    assert not found


def test_unit_tests_mirror_the_source():
    modules = {_named(path) for path in SOURCES}
    unit = TOP / "tests/unit"

    strays = [
        str(path.relative_to(unit))
        for path in sorted(unit.glob("*/**/test_*.py"))
        if not any(
            module.startswith(
                str(path.relative_to(unit).parent / path.stem.removeprefix("test_"))
            )
            for module in modules
        )
    ]

    assert not strays


def test_every_adr_has_a_number_of_its_own():
    numbers = [path.name[:4] for path in sorted((TOP / "docs/adr").glob("*.md"))]

    assert all(number.isdigit() for number in numbers)
    assert len(set(numbers)) == len(numbers)


def test_no_file_is_tracked_that_a_machine_made():
    listed = subprocess.run(
        ["git", "ls-files"], cwd=TOP, capture_output=True, text=True, check=False
    )

    made = re.compile(r"__pycache__|\.egg-info|\.pyc$|(^|/)\.venv/")

    assert not [name for name in listed.stdout.splitlines() if made.search(name)]
