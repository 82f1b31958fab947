r"""The language of man pages, as much of it as ours need.

>>> print(paragraph("It's a file - C:\\x"), end="")
.PP
It\(aqs a file \- C:\ex
"""

import re
from collections.abc import Iterable, Sequence

_ESCAPES = {
    "\\": r"\e",
    "-": r"\-",
    "'": r"\(aq",
    "`": r"\(ga",
    "^": r"\(ha",
    "~": r"\(ti",
}


def text(words: str) -> str:
    r"""Return words so that they are printed as they are.

    >>> text(".hidden"), text("a\\b --to")
    ('\\&.hidden', 'a\\eb \\-\\-to')
    """
    escaped = "".join(_ESCAPES.get(letter, letter) for letter in words)
    lines = escaped.split("\n")
    return "\n".join(rf"\&{line}" if line.startswith(".") else line for line in lines)


def title(name: str, section: int, date: str, source: str) -> str:
    """Return the first line of a page."""
    # A date is read by programs, and escaped it is none.
    quoted = f'"{date}" "{text(source)}" "expokeep"'
    return f'.TH "{text(name.upper())}" "{section}" {quoted}\n'


def heading(words: str) -> str:
    """Return the head of a section."""
    return f'.SH "{text(words.upper())}"\n'


def paragraph(words: str) -> str:
    """Return a paragraph that is filled."""
    return f".PP\n{text(' '.join(words.split()))}\n"


def literal(lines: Sequence[str]) -> str:
    """Return lines that stay as they are."""
    shown = "\n".join(text(line) if line else r"\&" for line in lines)
    return f".PP\n.nf\n.RS 4\n{shown}\n.RE\n.fi\n"


def term(name: str, words: str) -> str:
    """Return what a name stands for; the name is bold."""
    meaning = text(" ".join(words.split())) or r"\&"
    return f".TP\n\\fB{text(name)}\\fR\n{meaning}\n"


def usage(name: str, words: str) -> str:
    """Return how something is called."""
    return f".PP\n\\fB{text(name)}\\fR {text(words)}\n".replace(" \n", "\n")


def joined(parts: Iterable[str]) -> str:
    """Return a page of its parts; no paragraph begins right behind a head."""
    return re.sub(r"^(\.SH .*\n)\.PP\n", r"\1", "".join(parts), flags=re.MULTILINE)
