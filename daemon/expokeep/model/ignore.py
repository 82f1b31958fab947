"""What is left out of a snapshot: gitignore syntax, `/` at the start is the root.

A directory that is left out is never watched, listed or read.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import pathspec
from pathspec.patterns.gitignore.base import GitIgnorePatternError
from pathspec.patterns.gitignore.spec import GitIgnoreSpecPattern

DEFAULT_EXCLUDES: tuple[str, ...] = (
    "node_modules/",
    ".expo/",
    ".git/",
    "/dist/",
    "/web-build/",
    "/.next/",
    ".DS_Store",
    "*.log",
    ".metro-health-check*",
)
"""Anchored where a bare name would match a person's own sources: `src/dist/` stays."""

MAX_IGNORE_FILE_BYTES = 64 * 1024
MAX_IGNORE_LINES = 1000
MAX_DEEP_WILDCARDS = 3
"""Of `**` in one line of a project: each multiplies the time by the depth of a path."""

_NO_RULE = (GitIgnorePatternError, ValueError, re.error)

_CLASS = re.compile(r"\\.|\[(\^?\]?)((?:\\.|[^\]\\])*)\]", re.DOTALL)
_MEANS_MORE = re.compile(r"\\.|\[|&&|~~|\|\||--", re.DOTALL)
"""In a class of letters: what regular expressions may take for a set in a set."""

_STAR = r"[^/]*"
_STAR_AND_MORE = re.compile(
    rf"{re.escape(_STAR)}"
    rf"((?:\\.|(?!{re.escape(_STAR)})\[\^?\]?[^\]]*\]|[^\\\[/()])*)"
    rf"(?={re.escape(_STAR)})",
    re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class Rules:
    """The rules of one session: the host's excludes, then the project's own."""

    spec: pathspec.GitIgnoreSpec
    patterns: tuple[str, ...]
    unbreakable: pathspec.GitIgnoreSpec
    """Directories that no line of a project brings back, wherever it stands."""

    def excludes(self, path: bytes, *, is_directory: bool) -> bool:
        """Return whether this path, and all below it, is left out."""
        text = path.decode("utf-8", "surrogateescape")
        path_text = f"{text}/" if is_directory else text
        # Asked by itself: among others, `!*` has more weight than a directory.
        return self.unbreakable.match_file(path_text) or self.spec.match_file(path_text)


def rules(excludes: Sequence[str], project: Iterable[str] = ()) -> Rules:
    """Return the rules of a session.

    A project may leave out more, and may take back what the host excludes by name, with
    one exception that keeps the kernel's watches bounded: nothing brings back
    `node_modules/`, `.git/` or another directory that the host excludes.

    >>> rules(["node_modules/"], ["!node_modules/", "!*"]).excludes(
    ...     b"node_modules", is_directory=True)
    True
    >>> rules(["*.log"], ["!keep.log"]).excludes(b"keep.log", is_directory=False)
    False

    Raises:
        ValueError: a line is not gitignore syntax; the message quotes it.
    """
    directories = [line for line in excludes if line.endswith("/")]
    lines = (*excludes, *project, *directories)
    for line in lines:
        try:
            _spec([line])
        except _NO_RULE as error:
            raise ValueError(f"not an ignore rule: {line!r} ({error})") from error
    return Rules(_spec(lines), lines, _spec(directories))


class _Pattern(GitIgnoreSpecPattern):
    """A line whose stars never look back.

    The next piece of a name after a star may as well be the first one that fits, unless
    it is the last. Trying all of them takes years for `*a*a*a*a*b`, which anybody may
    write into a project, and no other thread runs meanwhile.
    """

    @classmethod
    def pattern_to_regex(cls, pattern):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN206 - overloaded by pathspec
        """Return the regular expression of a line, and whether it leaves out."""
        regex, include = super().pattern_to_regex(pattern)
        if regex is not None:
            regex = _CLASS.sub(_plain_class, regex)
            regex = _STAR_AND_MORE.sub(r"(?>[^/]*?\1)", regex)
        return regex, include


def _plain_class(found: re.Match[str]) -> str:
    """Return a class of letters that is just that."""
    if found[2] is None:
        return found[0]
    letters = _MEANS_MORE.sub(
        lambda one: one[0] if one[0][0] == "\\" else f"\\{one[0]}", found[2]
    )
    return f"[{found[1]}{letters}]"


def _spec(lines: Iterable[str]) -> pathspec.GitIgnoreSpec:
    return pathspec.GitIgnoreSpec.from_lines(lines, _Pattern)


def project_lines(contents: bytes) -> list[str]:
    """Return the lines of a project's ignore file, as far as they can be used.

    The file belongs to the project and may hold anything: it is cut at limits, read as
    UTF-8 with replacements, and a line that is no rule is left out rather than
    allowed to stop the snapshots of its session.
    """
    text = contents[:MAX_IGNORE_FILE_BYTES].decode("utf-8", "replace")
    return [line for line in text.splitlines()[:MAX_IGNORE_LINES] if _is_rule(line)]


def _is_rule(line: str) -> bool:
    if line.count("**") > MAX_DEEP_WILDCARDS:
        return False
    try:
        _spec([line])
    except _NO_RULE:
        return False
    return bool(line.strip()) and not line.startswith("#")
