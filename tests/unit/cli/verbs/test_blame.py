import json

from answering import version
from expokeep.errors import UsageError
from expokeep.history.blame_documents import Blame, BlamedLine

ROUTE = "/v1/versions/{ref}/blame"


def blame(*lines, **more):
    return Blame(
        version=version(7),
        path="App.js",
        lines=lines,
        versions=(version(3, author="ann"), version(12)),
        **more,
    )


def test_each_line_says_whose_it_is(run, asked):
    asked.answers[ROUTE] = blame(
        BlamedLine(seq=3, text="first\x1b[2J", path="old name.js"),
        BlamedLine(seq=12, text="\tsecond"),
    )

    first, second = run("blame", "shop", "src/App.js").out.splitlines()

    assert first.startswith("   3  2026-11-24 ")
    assert "  ann  old name.js  1  first\\x1b[2J" in first
    assert second.startswith("  12  ")
    assert second.split("  ")[-2:] == ["2", "\tsecond"]
    assert first.index("  1  ") == second.index("  2  ")
    assert asked.query() == {"path": ["src/App.js"]}
    assert asked.calls[-1].path == {"ref": "shop"}


def test_a_history_that_was_cut_says_so(run, asked):
    asked.answers[ROUTE] = blame(BlamedLine(seq=3, text="x"), truncated=True)

    assert "lines of version 3 may be older" in run("blame", "shop", "App.js").err
    assert run("-q", "blame", "shop", "App.js").err == ""


def test_an_empty_file_prints_nothing(run, asked):
    asked.answers[ROUTE] = blame()

    assert run("blame", "shop", "App.js").out == ""


def test_the_document_is_the_daemons(run, asked):
    asked.answers[ROUTE] = blame(BlamedLine(seq=3, text="x"))

    told = json.loads(run("blame", "shop", "App.js", "--json").out)

    assert told["lines"] == [{"seq": 3, "text": "x"}]


def test_what_has_no_lines_is_a_usage_error(run, asked):
    asked.answers[ROUTE] = UsageError("icon.png is not text: it has no lines")

    ended = run("blame", "shop", "icon.png")

    assert ended.code == 2
    assert "is not text" in ended.err
