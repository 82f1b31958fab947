"""What the project set itself to reach, and whether this run reached it."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

from bench.results import Figures, Results
from bench.scenario import (
    BEFORE_EDITS,
    COLD_RESTORE,
    COLD_SAVE,
    EDITS,
    NO_CHANGE,
    ONE_FILE,
)

_BASELINE = "tar.zst + PUT"
_RESTIC = "restic"


@dataclass(frozen=True, slots=True)
class _Place:
    """One project on one wire, as the aims see it."""

    results: Results
    project: str
    rtt_s: float
    ours: str

    def us(self, step: str) -> Figures | None:
        return self.results.of(self.project, self.rtt_s, self.ours, step)

    def fastest_s(self, step: str, prefix: str = "") -> float | None:
        """The shortest time of the peers whose name begins with `prefix`."""
        times = [
            figures.own_s
            for peer in self.results.peers()
            if peer != self.ours and peer.startswith(prefix)
            if (figures := self.results.of(self.project, self.rtt_s, peer, step))
        ]
        return min(times, default=None)

    def share(self, step: str, prefix: str = "") -> float | None:
        """Our time as a share of the fastest peer's."""
        us, them = self.us(step), self.fastest_s(step, prefix)
        return us.own_s / them if us and them else None

    def puts(self) -> float | None:
        us = self.us(ONE_FILE)
        return us.puts if us else None

    def idle_requests(self) -> float | None:
        us = self.us(NO_CHANGE)
        return us.requests if us else None

    def stored_share(self) -> float | None:
        """Our bytes after the edits as a share of restic's, the smaller of the two."""
        ours = self._stored_bytes(self.ours)
        names = [name for name in self.results.peers() if name.startswith(_RESTIC)]
        theirs = [stored for name in names if (stored := self._stored_bytes(name))]
        return ours / min(theirs) if ours and theirs else None

    def _stored_bytes(self, peer: str) -> float | None:
        rtt_s = self.results.rtts_s()[0]
        before = self.results.of(self.project, rtt_s, peer, BEFORE_EDITS)
        after = self.results.of(self.project, rtt_s, peer, EDITS)
        return after.stored_after(before) if before and after else None


def aims(results: Results, ours: str) -> Iterator[str]:
    """Return a table: one row an aim, one column a project and a wire."""
    if ours not in results.peers():
        yield f"{ours} was not measured."
        return
    places = [
        _Place(results, project.name, rtt_s, ours)
        for project, rtt_s in product(results.projects, results.rtts_s())
    ]
    head = [f"{place.project}, {place.rtt_s * 1e3:.0f} ms" for place in places]
    lines = [
        ["aim", "at most", *head],
        ["---", *("---:" for _ in range(len(head) + 1))],
    ]
    for name, limit, ask in _AIMS:
        cells = [_judged(ask(place), limit) for place in places]
        lines.append([name, f"{limit:g}", *cells])
    yield "\n".join("| " + " | ".join(line) + " |" for line in lines)


_AIMS = (
    ("one-file save / restic's", 0.05, lambda at: at.share(ONE_FILE, _RESTIC)),
    ("one-file save / the fastest peer's", 0.3, lambda at: at.share(ONE_FILE)),
    ("PUTs of a one-file save", 1, _Place.puts),
    ("requests when nothing changed", 0, _Place.idle_requests),
    ("cold save / tar.zst's", 1, lambda at: at.share(COLD_SAVE, _BASELINE)),
    ("cold restore / tar.zst's", 0.7, lambda at: at.share(COLD_RESTORE, _BASELINE)),
    ("stored after 50 edits / restic's", 1, _Place.stored_share),
)


def _judged(value: float | None, limit: float) -> str:
    if value is None:
        return "-"
    return f"{value:.3g} {'✓' if value <= limit else '✗'}"
