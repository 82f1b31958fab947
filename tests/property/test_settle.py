"""The settler against a model that looks at every session every time."""

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from expokeep.watch.settle import Settler

QUIET_S, MAX_WAIT_S = 2.0, 15.0

sessions = st.sampled_from(["a", "b", "c", "d"])


class SettlerMachine(RuleBasedStateMachine):
    """Times are multiples of a quarter second, so that sums are exact."""

    def __init__(self) -> None:
        super().__init__()
        self.now_s = 0.0
        self.settler: Settler[str] = Settler(QUIET_S, MAX_WAIT_S)
        self.events_s: dict[str, list[float]] = {}
        self.wakes_s: dict[str, float] = {}
        self.hurries_s: dict[str, float] = {}
        self.paused: set[str] = set()

    @rule(quarters=st.integers(0, 80))
    def time_passes(self, quarters: int) -> None:
        self.now_s += quarters / 4

    @rule(session=sessions)
    def touch(self, session: str) -> None:
        self.settler.touched(session, self.now_s)
        self.events_s.setdefault(session, []).append(self.now_s)

    @rule(session=sessions, quarters=st.integers(-8, 80))
    def schedule(self, session: str, quarters: int) -> None:
        at_s = self.now_s + quarters / 4
        self.settler.schedule(session, at_s)
        self.wakes_s[session] = min(at_s, self.wakes_s.get(session, at_s))

    @rule(session=sessions)
    def hurry(self, session: str) -> None:
        self.settler.hurry(session, self.now_s)
        self.hurries_s.setdefault(session, self.now_s)

    @rule(session=sessions)
    def take(self, session: str) -> None:
        self.settler.taken(session, self.now_s)
        self.events_s.pop(session, None)
        self.hurries_s.pop(session, None)
        if self.wakes_s.get(session, self.now_s + 1) <= self.now_s:
            del self.wakes_s[session]

    @rule(session=sessions)
    def pause(self, session: str) -> None:
        self.settler.pause(session)
        self.paused.add(session)

    @rule(session=sessions)
    def resume(self, session: str) -> None:
        self.settler.resume(session)
        self.paused.discard(session)

    @rule(session=sessions)
    def forget(self, session: str) -> None:
        self.settler.forget(session)
        self.events_s.pop(session, None)
        self.wakes_s.pop(session, None)
        self.hurries_s.pop(session, None)
        self.paused.discard(session)

    def promised_s(self) -> dict[str, float]:
        promised: dict[str, float] = {}
        wanted = {*self.events_s} | {*self.wakes_s} | {*self.hurries_s}
        for session in wanted - self.paused:
            times_s = []
            if events_s := self.events_s.get(session):
                times_s += [events_s[-1] + QUIET_S, events_s[0] + MAX_WAIT_S]
            elif session in self.wakes_s:
                times_s.append(self.wakes_s[session])
            if session in self.hurries_s:
                times_s.append(self.hurries_s[session])
            promised[session] = min(times_s)
        return promised

    @invariant()
    def who_is_due_is_due(self) -> None:
        promised_s = self.promised_s()
        due = self.settler.due(self.now_s)

        assert {*due} == {s for s, at_s in promised_s.items() if at_s <= self.now_s}
        waits_s = [promised_s[session] for session in due]
        assert waits_s == sorted(waits_s)

    @invariant()
    def the_next_deadline_is_known(self) -> None:
        assert self.settler.next_due_s() == min(
            self.promised_s().values(), default=None
        )

    @invariant()
    def nothing_is_left_behind(self) -> None:
        assert len(self.settler._agenda._heap) <= 200
        assert {*self.settler._bursts} == (
            {*self.events_s} | {*self.wakes_s} | {*self.hurries_s} | self.paused
        )


SettlerMachine.TestCase.settings = settings(
    max_examples=100, stateful_step_count=40, deadline=None
)
TestSettler = SettlerMachine.TestCase
