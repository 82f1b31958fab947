"""Turns results into the Markdown that stands in README.md between two markers."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from bench.aims import aims
from bench.results import Figures, Results
from bench.scenario import (
    BEFORE_EDITS,
    COLD_RESTORE,
    COLD_SAVE,
    EDITS,
    LATE_RESTORE,
    NEAR_RESTORE,
    NO_CHANGE,
    ONE_FILE,
    TIMED,
)
from bench.trees import Project

BEGIN = "<!-- results: written by `make bench`, not by hand -->"
END = "<!-- end of results -->"
OURS = "expokeep"
_NONE = "-"


def write_into(
    readme: Path, text: str, markers: tuple[str, str] = (BEGIN, END)
) -> None:
    """Replace what stands between the markers.

    Raises:
        ValueError: a marker is missing.
    """
    before, begin, rest = readme.read_text().partition(markers[0])
    _, end, after = rest.partition(markers[1])
    if not (begin and end):
        raise ValueError(f"{readme} lacks its markers")
    readme.write_text(f"{before}{begin}\n\n{text}\n{end}{after}")


def markdown(results: Results) -> str:
    """Return the whole report: the aims first, then the tables of each project."""
    parts = [*_remarks(results), "### What was reached", *aims(results, OURS)]
    for project in results.projects:
        parts.append(_title(project))
        parts.extend(_times(results, project, rtt_s) for rtt_s in results.rtts_s())
        parts.append(_requests(results, project))
        parts.append(_history(results, project))
    return "\n\n".join(part for part in parts if part) + "\n"


def _remarks(results: Results) -> Iterator[str]:
    yield "\n".join(f"- {remark}" for remark in results.remarks)
    if results.failures:
        yield "**These failed, and are missing below:**"
        yield "\n".join(f"- {failure}" for failure in results.failures)


def _title(project: Project) -> str:
    return (
        f"### {project.name}: {project.files} files, {project.size_bytes / 1e6:.1f} MB"
    )


def _wire(rtt_s: float) -> str:
    return f"{rtt_s * 1e3:.0f} ms added" if rtt_s else "no time added"


def _times(results: Results, project: Project, rtt_s: float) -> str:
    """Seconds, and how many times expokeep's that is."""
    rows = []
    for peer in results.peers():
        found = [results.of(project.name, rtt_s, peer, step) for step in TIMED]
        if not any(found):
            continue
        base = [results.of(project.name, rtt_s, OURS, step) for step in TIMED]
        rounds = max(figures.rounds for figures in found if figures)
        rows.append([peer, rounds, *map(_time, found, base)])
        if peer == OURS:
            rows.append(["… whole command", rounds, *map(_whole_time, found)])
    header = f"seconds, {_wire(rtt_s)}"
    return _table([header, "rounds", *TIMED], rows)


def _time(figures: Figures | None, base: Figures | None) -> str:
    if figures is None:
        return _NONE
    if base is None:
        return _seconds(figures.own_s)
    return f"{_seconds(figures.own_s)} ({_ratio(figures.own_s, base.own_s)})"


def _whole_time(figures: Figures | None) -> str:
    if figures is None:
        return _NONE
    return f"{_seconds(figures.took_s)} ({_ratio(figures.took_s, figures.own_s)})"


def _seconds(value_s: float) -> str:
    return f"{value_s:.3f}" if value_s < 1 else f"{value_s:.2f}"


def _ratio(value: float, base: float) -> str:
    ratio = value / base
    return f"{ratio:.2f}x" if ratio < 10 else f"{ratio:.0f}x"


def _requests(results: Results, project: Project) -> str:
    """Requests of each step: the wire does not change them, so the first one tells."""
    rtt_s = results.rtts_s()[0]
    steps = (COLD_SAVE, NO_CHANGE, ONE_FILE, COLD_RESTORE, NEAR_RESTORE)
    rows = []
    for peer in results.peers():
        found = [results.of(project.name, rtt_s, peer, step) for step in steps]
        counts = [_said(figures, lambda f: f"{f.requests:.0f}") for figures in found]
        one_file = _said(
            found[2], lambda f: f"{f.puts:.0f}, {f.sent_bytes / 1e3:.1f} kB"
        )
        rows.append([peer, *counts, one_file])
    return _table(["requests", *steps, "PUTs of a one-file save, sent"], rows)


def _history(results: Results, project: Project) -> str:
    """Many saves in a row: what they take, leave behind, and cost a restore."""
    first_s, last_s = results.rtts_s()[0], results.rtts_s()[-1]
    rows = []
    for peer in results.peers():
        before = results.of(project.name, first_s, peer, BEFORE_EDITS)
        edits = results.of(project.name, first_s, peer, EDITS)
        late = results.of(project.name, last_s, peer, LATE_RESTORE)
        if before is None or edits is None:
            continue
        name = f"{peer} ~" if edits.is_scaled else peer
        restore = _said(late, lambda f: f"{_seconds(f.took_s)} s, {f.requests:.0f}")
        rows.append(
            [
                name,
                f"{edits.own_s:.1f} s",
                f"{edits.requests:.0f}",
                f"{edits.puts:.0f}",
                f"{before.stored_bytes / 1e6:.1f} MB",
                f"{edits.stored_after(before) / 1e6:.1f} MB",
                restore,
            ]
        )
    heads = ["saves", "requests", "PUTs", "stored before", "stored after"]
    restore_head = f"{LATE_RESTORE}, {_wire(last_s)}: time, requests"
    return _table([EDITS, *heads, restore_head], rows)


def _said(figures: Figures | None, say: Callable[[Figures], str]) -> str:
    return _NONE if figures is None else say(figures)


def _table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    if not rows:
        return ""
    aligned = ["---", *("---:" for _ in head[1:])]
    return "\n".join(
        "| " + " | ".join(map(str, row)) + " |" for row in (head, aligned, *rows)
    )
