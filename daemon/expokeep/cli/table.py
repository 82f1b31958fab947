"""Tables for people: in a pipe whole and aligned, on a terminal one line a row."""

import os
import shutil
import sys
import unicodedata
from collections.abc import Collection, Sequence
from itertools import compress

import click

_LEAST_CELLS = 8
"""A column that gives way keeps so much."""


def table(
    headers: Sequence[str],
    rows: Sequence[Sequence[str]],
    *,
    gives_way: Collection[str],
) -> None:
    """Print a table.

    Args:
        headers: of the columns.
        rows: a cell for each column, free of control characters.
        gives_way: columns that are left out if nothing is in them, and cut, in this
            order, where the terminal is too narrow. The others never are: ids are
            there to be copied. In a pipe each column has its place, come what may.
    """
    on_terminal = sys.stdout.isatty()
    if on_terminal:
        headers, rows, gives_way = _filled(headers, rows, gives_way)
    widths = [max(map(cells, column)) for column in zip(headers, *rows, strict=True)]
    if on_terminal:
        columns = [headers.index(one) for one in gives_way]
        widths = _narrowed(widths, columns, shutil.get_terminal_size().columns)
    title = line(headers, widths)
    click.echo(f"\x1b[1m{title}\x1b[0m" if on_terminal and is_styled() else title)
    for row in rows:
        click.echo(line(row, widths))


def line(row: Sequence[str], widths: Sequence[int]) -> str:
    """Return one line, its cells cut or filled to their widths.

    >>> line(["shop", "a long story", "x"], [6, 8, 1])
    'shop    a long …  x'
    """
    parts = [_fitted(cell, width) for cell, width in zip(row, widths, strict=True)]
    return "  ".join(parts).rstrip()


def cells(text: str) -> int:
    """Return how many columns of a terminal text takes.

    >>> cells("Shop"), cells("日本"), cells("e\u0301")
    (4, 4, 1)
    """
    return len(text) if text.isascii() else sum(map(_cells_of, text))


def is_styled() -> bool:
    """Return whether letters may look other than plain: see https://no-color.org."""
    return not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def _filled(
    headers: Sequence[str], rows: Sequence[Sequence[str]], gives_way: Collection[str]
) -> tuple[Sequence[str], Sequence[Sequence[str]], Collection[str]]:
    """Leave out the columns that give way and say nothing."""
    said = [
        header not in gives_way or any(row[at] not in ("", "-") for row in rows)
        for at, header in enumerate(headers)
    ]
    kept = list(compress(headers, said))
    return (
        kept,
        [list(compress(row, said)) for row in rows],
        [header for header in gives_way if header in kept],
    )


def _narrowed(
    widths: Sequence[int], gives_way: Collection[int], most: int
) -> list[int]:
    """Return the widths with which a line fits, as far as columns give way."""
    narrowed = list(widths)
    excess = sum(widths) + 2 * (len(widths) - 1) - most
    for column in gives_way:
        cut = max(0, min(excess, narrowed[column] - _LEAST_CELLS))
        narrowed[column] -= cut
        excess -= cut
    return narrowed


def _fitted(cell: str, width: int) -> str:
    taken = cells(cell)
    if taken <= width:
        return cell + " " * (width - taken)
    kept, left = "", width - 1
    for character in cell:
        left -= _cells_of(character)
        if left < 0:
            break
        kept += character
    return f"{kept}…" + " " * (width - 1 - cells(kept))


def _cells_of(character: str) -> int:
    if unicodedata.category(character) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1
