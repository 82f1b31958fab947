"""Each look of the doctor is in its document and in a test, and the other way round."""

import ast
import re
from pathlib import Path

from expokeep.doctor.values import code_of

TOP = Path(__file__).parents[2]
SOURCES = [
    *(TOP / "daemon/expokeep/doctor").glob("*.py"),
    TOP / "daemon/expokeep/service/doctor.py",
]
DOCUMENT = (TOP / "docs/DOCTOR.md").read_text()
OWN = Path(__file__)


def names() -> set[str]:
    """Return the names of all checks: what `Check` and those who make it are given."""
    found: set[str] = set()
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text())):
            if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name):
                continue
            if node.func.id in {"Check", "skew", "lasting"} and node.args:
                first = node.args[0]
                if isinstance(first, ast.Constant):
                    found.add(first.value)
        # `name = "..."` and rows of names, where several findings share one.
        found |= set(re.findall(r'\bname(?:, \w+)? = "([^"]+)"', path.read_text()))
        found |= set(re.findall(r'\(\("([^"]+)", state\)', path.read_text()))
    return found | {"state directory", "spool"}


def documented() -> set[str]:
    return set(re.findall(r"^\| `([a-z-]+)` \|", DOCUMENT, re.MULTILINE))


def test_every_look_is_in_the_document_and_no_other():
    assert {code_of(name) for name in names()} == documented()


def test_every_look_is_in_a_test():
    tests = "".join(
        path.read_text() for path in (TOP / "tests").rglob("*.py") if path != OWN
    )

    missing = [
        name
        for name in sorted(names())
        if f'"{name}"' not in tests and f'"{code_of(name)}"' not in tests
    ]
    assert not missing


def test_every_row_says_where_and_what_to_do():
    rows = [line for line in DOCUMENT.splitlines() if line.startswith("| `")]

    for row in rows:
        _, code, where, wrong, state, mend, _fix, _ = row.split("|")
        assert re.fullmatch(r" [DCA]( [DCA])* ", where), code
        assert set(re.findall(r"\w+", state)) <= {"error", "warning"}, code
        assert wrong.strip(), code
        assert mend.strip(), code
