"""All measures of a run, and the few figures that the tables are made of."""

import json
import statistics
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from bench.scenario import EDITS, EDITS_ASKED, Measure
from bench.trees import Project


@dataclass(slots=True)
class Results:
    """What was measured in one run, where, and what went wrong."""

    projects: Sequence[Project]
    measures: list[Measure] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)

    def write(self, path: Path) -> None:
        """Keep every single measure, for whoever doubts a median."""
        path.parent.mkdir(parents=True, exist_ok=True)
        kept = {
            "measures": [asdict(measure) for measure in self.measures],
            "failures": self.failures,
            "remarks": self.remarks,
        }
        path.write_text(json.dumps(kept, indent=1) + "\n")

    def peers(self) -> list[str]:
        """The names of all who were measured, in the order of their first turn."""
        return list(dict.fromkeys(measure.peer for measure in self.measures))

    def rtts_s(self) -> list[float]:
        """The wires that were used, the shortest first."""
        return sorted({measure.rtt_s for measure in self.measures})

    def of(self, project: str, rtt_s: float, peer: str, step: str) -> "Figures | None":
        """The figures of one step, or None where it was not measured."""
        found = list(self._matching(project, rtt_s, peer, step))
        return Figures(found) if found else None

    def _matching(
        self, project: str, rtt_s: float, peer: str, step: str
    ) -> Iterator[Measure]:
        for measure in self.measures:
            place = (measure.project, measure.rtt_s, measure.peer, measure.step)
            if place == (project, rtt_s, peer, step):
                yield measure


class Figures:
    """Medians over the rounds of one step, scaled to what a step is said to be."""

    def __init__(self, measures: Sequence[Measure]) -> None:
        self._measures = measures
        self._scale = 1.0
        if measures[0].step == EDITS:
            self._scale = EDITS_ASKED / measures[0].repeats

    @property
    def rounds(self) -> int:
        """How many measures there are."""
        return len(self._measures)

    @property
    def is_scaled(self) -> bool:
        """Whether fewer saves were made than the figures tell of."""
        return self._scale != 1.0

    @property
    def took_s(self) -> float:
        """The whole command."""
        return self._scale * statistics.median(m.took_s for m in self._measures)

    @property
    def own_s(self) -> float:
        """The peer's own measure, or the whole command where there is none."""
        return self._scale * statistics.median(
            m.took_s if m.own_s is None else m.own_s for m in self._measures
        )

    @property
    def requests(self) -> float:
        """All requests, whatever their method."""
        return self._scale * statistics.median(
            sum(m.requests.values()) for m in self._measures
        )

    @property
    def puts(self) -> float:
        """The requests that carried something to the bucket."""
        return self._scale * statistics.median(
            m.requests.get("PUT", 0) + m.requests.get("POST", 0) for m in self._measures
        )

    @property
    def sent_bytes(self) -> float:
        """What went towards the server, heads of requests included."""
        return self._scale * statistics.median(m.sent_bytes for m in self._measures)

    @property
    def stored_bytes(self) -> float:
        """What all objects came to afterwards."""
        return statistics.median(m.stored_bytes for m in self._measures)

    def stored_after(self, before: "Figures") -> float:
        """What they would come to after all the saves that the figures tell of."""
        grown_bytes = self.stored_bytes - before.stored_bytes
        return before.stored_bytes + self._scale * grown_bytes
