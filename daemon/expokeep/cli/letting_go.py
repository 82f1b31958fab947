"""What verbs say and ask before something goes for good."""

import sys

import click

from expokeep.cli.options import Options
from expokeep.model import size


def confirm(options: Options, question: str) -> None:
    """Ask on a terminal whether to go on; elsewhere a program knows what it says.

    Raises:
        click.Abort: the answer was no.
    """
    if options.yes or options.as_json:
        return
    if sys.stdin.isatty() and sys.stderr.isatty():
        click.confirm(question, err=True, abort=True)


def numbers(seqs: tuple[int, ...], *, at_most: int = 6) -> str:
    """Return versions in few words.

    >>> numbers((1, 2, 3, 7)), numbers((1, 3, 5, 7), at_most=2)
    ('1-3, 7', '1, 3, ...')
    """
    runs: list[list[int]] = []
    for seq in seqs:
        if runs and runs[-1][-1] == seq - 1:
            runs[-1].append(seq)
        else:
            runs.append([seq])
    shown = [str(run[0]) if len(run) == 1 else f"{run[0]}-{run[-1]}" for run in runs]
    return ", ".join([*shown[:at_most], *(["..."] if len(shown) > at_most else [])])


def weight(count: int, size_bytes: int) -> str:
    """Return what would be freed, in words.

    >>> weight(2, 2048)
    '2.0 KB in 2 contents'
    """
    return f"{size.shown(size_bytes)} in {count} contents"
