"""Holds the page on security to tests that are there, and to what it has to cover."""

import ast
import re
from pathlib import Path

import pytest

TOP = Path(__file__).parents[2]
PAGE = (TOP / "docs/SECURITY.md").read_text()
ARCHITECTURE = (TOP / "docs/ARCHITECTURE.md").read_text()
INVARIANTS = ARCHITECTURE.partition("## Invariants")[2]

NAMED = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")
DEFENDED = PAGE.partition("## What is defended")[2].partition("## What is not")[0]
NOT_DEFENDED = PAGE.partition("## What is not defended")[2]
ROWS = [
    [cell.strip() for cell in line.strip("|").split(" | ")]
    for line in DEFENDED.splitlines()
    if line.startswith("| ") and not line.startswith("| threat |")
]

HOSTILE = """
symbolic link as a file
a directory or the root
swapped between two system calls
hard link
FIFO, a socket or a device
write lease
file system is mounted
sparse terabytes
deeper than any path
million names
not UTF-8, terminal escapes
grow and shrink
forged modification times
storm of events
squatted
`..`
duplicates
case
setuid
owner of -1
bombs
wrong sizes and digests
swapped or rolled back
cut off, or spliced
pack reader
manifest parser
ignore rules
control API
supplementary
too large, too slow
all connections
squats a directory
printed, logged, served
`/proc`
R110
R111
R112
R113
R114
R115
R116
R117
""".strip().splitlines()
"""What the page has to have a row about, by words of it."""

HONEST = ["Root", "Postgres", "bucket", "`close`", "duration", "one uid", "SeaweedFS"]


def functions_of(path):
    """Return the names of all tests of a file."""
    return {
        node.name
        for node in ast.walk(ast.parse((TOP / path).read_text()))
        if isinstance(node, ast.FunctionDef)
    }


def test_every_row_has_a_threat_a_defence_and_a_test():
    odd = [row for row in ROWS if len(row) != 3 or not all(row)]
    untested = [row[0] for row in ROWS if not NAMED.search(row[-1])]

    assert len(ROWS) > 60
    assert not odd
    assert not untested


@pytest.mark.parametrize("path", sorted({path for path, _ in NAMED.findall(PAGE)}))
def test_every_test_that_is_named_is_there(path):
    named = {name for where, name in NAMED.findall(PAGE) if where == path}

    assert (TOP / path).is_file()
    assert named - functions_of(path) == set()


@pytest.mark.parametrize("words", HOSTILE)
def test_what_has_to_be_covered_has_a_row(words):
    threats = " ".join(row[0] + " " + row[1] for row in ROWS)

    assert words in threats


@pytest.mark.parametrize("word", HONEST)
def test_what_is_not_defended_is_said(word):
    assert word in NOT_DEFENDED


@pytest.mark.parametrize("number", [7, 11])
def test_the_invariants_of_security_name_tests_that_are_there(number):
    invariant = re.search(
        rf"^{number}\. .*?(?=^{number + 1}\. )", INVARIANTS, re.DOTALL | re.MULTILINE
    )[0]
    groups = re.findall(r"((?:`test_\w+`,?\s+)+)\((tests/[\w/]+\.py)[^)]*\)", invariant)
    named = [
        (name, path)
        for names, path in groups
        for name in re.findall(r"test_\w+", names)
    ]

    assert len(named) >= 4
    assert [one for one in named if one[0] not in functions_of(one[1])] == []
