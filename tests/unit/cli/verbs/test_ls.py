import json

from answering import version
from expokeep.errors import NotFound
from expokeep.history.documents import TreeListing
from expokeep.model.documents import EntryDocument

ROUTE = "/v1/versions/{ref}/tree"
SECOND_NS = 1_000_000_000
ENTRIES = (
    EntryDocument(
        path="a\\xff\x1b", type="file", mtime_ns=SECOND_NS, mode="0600", size_bytes=2048
    ),
    EntryDocument(path="link", type="link", mtime_ns=-SECOND_NS, target="a b"),
    EntryDocument(path="src", type="directory", mtime_ns=0, mode="0755"),
)


def test_names_are_one_a_line(run, asked):
    asked.answers[ROUTE] = TreeListing(version=version(), path="", entries=ENTRIES)

    assert run("ls", "shop").out == "a\\xff\\x1b\nlink\nsrc/\n"


def test_long_lines_say_what_each_is(run, asked, monkeypatch):
    asked.answers[ROUTE] = TreeListing(version=version(), path="", entries=ENTRIES)

    file, link, directory = run("ls", "shop", "-l").out.splitlines()

    assert file.startswith("- 0600     2.0 KB 1970-01-01 ")
    assert link.startswith("l 0777          - ")
    assert link.endswith("link -> a b")
    assert directory.startswith("d 0755          - ")


def test_a_name_that_is_no_text_is_asked_for_by_its_bytes(run, asked):
    asked.answers[ROUTE] = TreeListing(version=version(), path="", entries=())

    run("ls", "shop@-1", "a\udcff\\")

    assert asked.query() == {"path": ["a\\xff\\\\"]}
    assert asked.calls[-1].path == {"ref": "shop@-1"}


def test_a_path_that_is_not_there_is_code_10_with_the_daemons_hint(run, asked):
    error = NotFound("shop@7 has no x")
    error.hint = "Look elsewhere."
    asked.answers[ROUTE] = error

    ended = run("ls", "shop", "x")

    assert ended.code == 10
    assert ended.err == "expokeep: error: shop@7 has no x\nhint: Look elsewhere.\n"


def test_the_document_is_the_daemons(run, asked):
    asked.answers[ROUTE] = TreeListing(version=version(), path="", entries=ENTRIES)

    told = json.loads(run("ls", "shop", "--json").out)

    assert [one["path"] for one in told["entries"]] == ["a\\xff\x1b", "link", "src"]
