import json

import pytest

from answering import version
from expokeep.history.documents import ChangeDocument, Difference

PATCH = (
    "diff --git a/App.js b/App.js\n--- a/App.js\n+++ b/App.js\n@@ -1 +1 @@\n-é\r\n+b\n"
)
CHANGES = (
    ChangeDocument(
        change="M",
        path="App.js",
        type="file",
        added_lines=1,
        removed_lines=2,
        patch=PATCH,
    ),
    ChangeDocument(
        change="M",
        path="icon.png",
        type="file",
        old_size_bytes=2048,
        size_bytes=9,
        old_mode="0644",
        mode="0600",
    ),
    ChangeDocument(
        change="R", path="b\x1b", type="file", old_path="a", note="too long"
    ),
)


@pytest.fixture
def differing(asked):
    asked.answers["/v1/diff"] = Difference(
        old=version(6), new=version(7), changes=CHANGES
    )
    return asked


def test_changes_are_one_a_line(run, differing):
    assert run("diff", "shop").out == "M App.js\nM icon.png\nR a -> b\\x1b\n"


def test_names_can_stand_alone(run, differing):
    assert run("diff", "shop", "--name-only").out == "App.js\nicon.png\nb\\x1b\n"


def test_lines_are_counted_and_bytes_otherwise(run, differing):
    assert run("diff", "shop", "--stat").out.splitlines() == [
        "M App.js  +1 -2",
        "M icon.png  2.0 KB -> 9 B, mode 0644 -> 0600",
        "R a -> b\\x1b",
    ]


def test_a_patch_is_printed_to_the_letter_and_what_it_lacks_on_stderr(run, differing):
    ended = run("diff", "shop", "--patch")

    assert ended.out == PATCH
    assert ended.err == "R a -> b\\x1b: too long\n"


@pytest.mark.parametrize(
    ("words", "query"),
    [
        (("shop",), {"new": ["shop"], "detail": ["names"]}),
        (
            ("shop@1", "shop", "--stat"),
            {"old": ["shop@1"], "new": ["shop"], "detail": ["stat"]},
        ),
        (
            ("shop@1", "shop", "src", "b\udcff", "--patch"),
            {
                "old": ["shop@1"],
                "new": ["shop"],
                "path": ["src", "b\\xff"],
                "detail": ["patch"],
            },
        ),
    ],
)
def test_what_is_wanted_is_asked_for(run, differing, words, query):
    run("diff", *words)

    assert differing.query() == query


def test_the_document_is_the_daemons(run, differing):
    told = json.loads(run("diff", "shop", "--json").out)

    assert (told["old"]["seq"], told["new"]["seq"]) == (6, 7)
