"""Patches as git writes them."""

import textwrap

from expokeep.history import patch_text
from expokeep.history.patch_text import Side, patch_of


def side(contents: bytes, path: bytes = b"App.js", mode: int = 0o100644) -> Side:
    return Side(path, mode, contents)


def without_index(text: str) -> str:
    lines = text.splitlines(keepends=True)
    return "".join(line for line in lines if not line.startswith("index "))


def test_a_patch_shows_what_changed_with_three_lines_around_it():
    before = b"".join(b"%d\n" % number for number in range(1, 21))
    after = before.replace(b"10\n", b"ten\n")

    patch = patch_of(side(before), side(after))

    assert without_index(patch.text) == textwrap.dedent(
        """\
        diff --git a/App.js b/App.js
        --- a/App.js
        +++ b/App.js
        @@ -7,7 +7,7 @@
         7
         8
         9
        -10
        +ten
         11
         12
         13
        """
    )
    assert (patch.added_lines, patch.removed_lines) == (1, 1)


def test_changes_far_apart_are_hunks_of_their_own():
    before = b"".join(b"%d\n" % number for number in range(1, 41))
    after = before.replace(b"\n5\n", b"\nfive\n").replace(b"\n35\n", b"\n")

    patch = patch_of(side(before), side(after))

    heads = [line for line in patch.text.splitlines() if line.startswith("@@")]
    assert heads == ["@@ -2,7 +2,7 @@", "@@ -32,7 +32,6 @@"]
    assert (patch.added_lines, patch.removed_lines) == (1, 2)


def test_a_last_line_without_its_newline_is_marked():
    patch = patch_of(side(b"a\nb"), side(b"a\nb\n"))

    assert patch.text.endswith(" a\n-b\n\\ No newline at end of file\n+b\n")


def test_a_new_file_comes_from_nowhere():
    patch = patch_of(None, side(b"one\n", mode=0o100755))

    assert without_index(patch.text) == textwrap.dedent(
        """\
        diff --git a/App.js b/App.js
        new file mode 100755
        --- /dev/null
        +++ b/App.js
        @@ -0,0 +1 @@
        +one
        """
    )


def test_a_deleted_file_goes_nowhere():
    patch = patch_of(side(b"one\ntwo\n"), None)

    assert "deleted file mode 100644\n" in patch.text
    assert "+++ /dev/null\n@@ -1,2 +0,0 @@\n" in patch.text
    assert (patch.added_lines, patch.removed_lines) == (0, 2)


def test_an_empty_file_has_a_head_alone():
    assert without_index(patch_of(None, side(b"")).text) == (
        "diff --git a/App.js b/App.js\nnew file mode 100644\n"
    )


def test_a_rename_says_both_names_and_shows_no_lines():
    patch = patch_of(side(b"x\n"), side(b"x\n", path=b"src/App.js"))

    assert without_index(patch.text) == textwrap.dedent(
        """\
        diff --git a/App.js b/src/App.js
        similarity index 100%
        rename from App.js
        rename to src/App.js
        """
    )


def test_a_file_that_became_executable_says_so():
    patch = patch_of(side(b"x\n"), side(b"x\n", mode=0o100755))

    assert patch.text.endswith("old mode 100644\nnew mode 100755\n")


def test_a_file_that_became_a_link_goes_and_comes():
    patch = patch_of(side(b"x\n"), side(b"other.js", mode=0o120000))

    assert patch.text.index("deleted file mode 100644") < patch.text.index(
        "new file mode 120000"
    )
    assert (patch.added_lines, patch.removed_lines) == (1, 1)


def test_what_is_no_text_is_said_to_differ():
    patch = patch_of(side(b"\x89PNG\xff"), side(b"text\n"))

    assert patch.is_binary
    assert patch.text.endswith("Binary files a/App.js and b/App.js differ\n")


def test_an_odd_name_is_quoted_as_git_quotes_it():
    patch = patch_of(None, side(b"x\n", path=b'a "b"\n\xff\\'))

    assert r'+++ "b/a \"b\"\n\377\\"' + "\n" in patch.text


def test_a_name_with_a_blank_is_quoted_so_that_patch_finds_its_end():
    patch = patch_of(side(b"x\n", path=b"my app"), side(b"y\n", path=b"my app"))

    assert '--- "a/my app"\n+++ "b/my app"\n' in patch.text


def test_contents_have_the_names_that_git_gives_them():
    patch = patch_of(side(b""), side(b"x\n"))

    assert patch.text.splitlines()[1] == (
        "index e69de29bb2d1d6434b8b29ae775ad8c2e48c5391"
        "..587be6b4c3f93f93c489c0111bba5596147a26cb 100644"
    )


def test_equal_lines_at_both_ends_are_counted_once():
    patch = patch_of(side(b"a\n" * 10), side(b"a\n" * 9))

    assert (patch.added_lines, patch.removed_lines) == (0, 1)
    assert "@@ -7,4 +7,3 @@\n" in patch.text


def test_what_differs_too_much_counts_as_replaced(monkeypatch):
    monkeypatch.setattr(patch_text, "MAX_PAIRS", 3)
    before, after = b"same\nold\nkept\nold\nend\n", b"same\nnew\nkept\nnew\nend\n"

    patch = patch_of(side(before), side(after))

    assert patch.text.endswith(
        "@@ -1,5 +1,5 @@\n same\n-old\n-kept\n-old\n+new\n+kept\n+new\n end\n"
    )


def test_a_large_file_with_one_edit_is_diffed_at_once():
    lines = [
        b"line %d of many that repeat\n" % (number % 7) for number in range(40_000)
    ]
    edited = [*lines[:20_000], b"one edit\n", *lines[20_000:]]

    patch = patch_of(side(b"".join(lines)), side(b"".join(edited)))

    assert (patch.added_lines, patch.removed_lines) == (1, 0)
