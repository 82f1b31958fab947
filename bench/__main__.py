"""`python -m bench`: everything, in one run, into README.md."""

import argparse
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from bench import report, tools, trees, wirecheck
from bench.daemon import DaemonFailed
from bench.machine import describe
from bench.peers import EVERYONE
from bench.peers.base import Peer, PeerFailed
from bench.proxy import Proxy
from bench.results import Results
from bench.scenario import (
    EDITS_ASKED,
    EDITS_OF_THE_ALIKE,
    Measure,
    Stage,
    TreesDiffer,
)
from bench.server import Server
from expokeep.embedded.servers import running_servers

_HERE = Path(__file__).parent
_RTTS_S = (0.0, 0.020)
_TOO_LONG_S = 45.0
"""A peer whose round takes longer is not asked for a second one on that wire."""


_FAILURES = (PeerFailed, TreesDiffer, DaemonFailed, subprocess.TimeoutExpired)


@dataclass(frozen=True, slots=True)
class Plan:
    """How much is measured."""

    rounds: Mapping[trees.Shape, int]
    edits: int
    peers: Sequence[type[Peer]]


_FULL = {trees.TEMPLATE: 3, trees.MEDIUM: 3, trees.LARGE: 3}
_QUICK = {trees.TEMPLATE: 1, trees.MEDIUM: 1}


def main() -> int:
    """Measure, print, and write what was measured; 1 if a peer failed."""
    options = _options()
    rounds = _QUICK if options.quick else _FULL
    if options.projects:
        rounds = {s: n for s, n in rounds.items() if s.name in options.projects}
    if options.rounds:
        rounds = dict.fromkeys(rounds, options.rounds)
    peers = [kind for kind in EVERYONE if _is_wanted(kind, options.peers)]
    plan = Plan(rounds, 5 if options.quick else EDITS_ASKED, peers)

    # Ended either way, it unwinds: no server, no daemon and no tree is left behind.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    begin = time.monotonic()
    work = Path(tempfile.mkdtemp(prefix="expokeep-bench-"))
    work.chmod(0o711)  # as root, the servers run as nobody: they must get through
    try:
        results = _measure(plan, work)
    finally:
        shutil.rmtree(work)
    results.remarks.append(
        f"The run took {(time.monotonic() - begin) / 60:.1f} minutes."
    )

    text = report.markdown(results)
    print(text)
    results.write(_HERE / "results" / f"{datetime.now(UTC):%Y%m%d-%H%M%S}.json")
    if options.write:
        report.write_into(_HERE / "README.md", text)
    return 1 if results.failures else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="two projects, one round")
    parser.add_argument("--peers", nargs="+", metavar="NAME", help="only these")
    parser.add_argument("--projects", nargs="+", metavar="NAME", help="only these")
    parser.add_argument("--rounds", type=int, metavar="N", help="for every project")
    parser.add_argument("--write", action="store_true", help="into bench/README.md")
    return parser.parse_args()


def _is_wanted(kind: type[Peer], names: Sequence[str] | None) -> bool:
    return not names or any(kind.name.startswith(name) for name in names)


def _measure(plan: Plan, work: Path) -> Results:
    """Start everything that a run needs, and go through the plan."""
    found = tools.install()
    projects = {
        shape: trees.grow(shape, found.template, work / shape.name)
        for shape in plan.rounds
    }
    results = Results(tuple(projects.values()))
    with ExitStack() as stack:
        servers = stack.enter_context(running_servers(work / "servers"))
        upstream = servers.seaweed.endpoint_url
        proxy = stack.enter_context(Proxy(upstream).running())
        server = Server(servers.seaweed, proxy.endpoint)
        stage = Stage(found.programs, server, servers.postgres.dsn, proxy, work)
        results.remarks.extend(describe(work))
        results.remarks.append(str(wirecheck.check(proxy, server, _RTTS_S[-1])))
        run = _Run(plan, stage, results, list(_at_hand(plan, found, results)))
        for shape, project in projects.items():
            run.measure(project, plan.rounds[shape])
    return results


def _at_hand(plan: Plan, found: tools.Tools, results: Results) -> Iterator[type[Peer]]:
    """The peers whose programs are there; a remark tells of the others."""
    for kind in plan.peers:
        missing = [name for name in kind.programs if name not in found.programs]
        if missing:
            why = "; ".join(found.missing[name] for name in missing)
            results.remarks.append(f"{kind.name} is left out: {why}")
        else:
            results.remarks.append(f"{kind.name}: {kind.version(found.programs)}")
            yield kind


class _Run:
    """Goes through the plan, and survives a peer that fails."""

    def __init__(
        self, plan: Plan, stage: Stage, results: Results, peers: list[type[Peer]]
    ) -> None:
        self._plan = plan
        self._stage = stage
        self._results = results
        self._peers = peers

    def measure(self, project: trees.Project, rounds: int) -> None:
        """All rounds of one project: A B C, A B C, so that all share the weather."""
        for rtt_s in _RTTS_S:
            slow: set[type[Peer]] = set()
            for _ in range(rounds):
                for kind in self._peers:
                    if kind in slow:
                        continue
                    took_s = self._take(self._stage.timed_round(kind, project, rtt_s))
                    if took_s > _TOO_LONG_S:
                        slow.add(kind)
        for kind in self._peers:
            edits = self._plan.edits
            if kind.saves_alike:
                edits = min(edits, EDITS_OF_THE_ALIKE)
            self._take(self._stage.history_round(kind, project, edits, _RTTS_S[-1]))

    def _take(self, measures: Iterator[Measure]) -> float:
        """Collect what a round yields, and return how many seconds of it counted."""
        counted_s = 0.0
        try:
            for measure in measures:
                _tell(measure)
                self._results.measures.append(measure)
                counted_s += measure.took_s
        except _FAILURES as error:
            print(f"FAILED: {error}", file=sys.stderr)
            self._results.failures.append(str(error))
        return counted_s


def _tell(measure: Measure) -> None:
    """One line a step, on stderr: a run is long, and silence looks like a hang."""
    own = "" if measure.own_s is None else f" (itself {measure.own_s:.3f})"
    requests = sum(measure.requests.values())
    print(
        f"{measure.project:9}{measure.rtt_s * 1e3:3.0f} ms  {measure.peer:15}"
        f"{measure.step:31}{measure.took_s:8.3f} s{own}  {requests} requests",
        file=sys.stderr,
        flush=True,
    )


if __name__ == "__main__":
    sys.exit(main())
