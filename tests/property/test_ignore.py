"""Ignore rules that match in time, and still what git says."""

import pathspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from expokeep.model.ignore import DEFAULT_EXCLUDES, project_lines, rules

LINES = st.lists(
    st.sampled_from(["*", "**", "?", "a", "b", "/", ".", "[ab]", "[!a]", "\\*", "!"]),
    min_size=1,
    max_size=10,
).map("".join)
PATHS = st.text("ab/.*", min_size=1, max_size=12).filter(
    lambda path: all(path.split("/"))
)


@given(LINES, PATHS)
def test_a_rule_matches_what_it_matches_for_everybody_else(line, path):
    usable = project_lines(line.encode())
    everybodys = pathspec.GitIgnoreSpec.from_lines(usable)

    assert rules([], usable).excludes(
        path.encode(), is_directory=False
    ) == everybodys.match_file(path)


def test_no_rule_of_a_project_takes_for_ever():
    # A few of these names and a day would pass, in which no thread of ours runs.
    hostile = ["*a" * 30 + "*b", "**/a/**/a/**/a/**/a/**/a/**/b", "[!b]*" * 30 + "b"]
    name, deep = b"a" * 255, b"/".join([b"a"] * 127)

    found = rules([], project_lines("\n".join(hostile).encode()))

    assert not found.excludes(name, is_directory=False)
    assert not found.excludes(deep, is_directory=False)
    assert len(found.patterns) == 2


@pytest.mark.parametrize("line", ["!*", "!**", "!/**", "!node_modules/**", "!.git/*"])
def test_nothing_that_a_project_says_brings_back_a_directory_of_the_host(line):
    found = rules(DEFAULT_EXCLUDES, project_lines(line.encode()))

    for path in (b"node_modules", b"src/node_modules", b".git", b".expo"):
        assert found.excludes(path, is_directory=True)


@pytest.mark.parametrize("line", ["[z-a]", "[!b-*]", "x[9-0]*"])
def test_a_range_that_is_none_is_no_rule_and_stops_nothing(line):
    found = rules([], project_lines(f"{line}\n*.tmp\n".encode()))

    assert found.patterns == ("*.tmp",)
    with pytest.raises(ValueError, match="not an ignore rule"):
        rules([line])
