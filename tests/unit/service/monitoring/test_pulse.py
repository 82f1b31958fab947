"""Whether the main thread does its rounds."""

from expokeep import clock
from expokeep.service.monitoring.pulse import Pulse


def test_a_main_thread_that_misses_three_rounds_is_late(monkeypatch):
    now_s = 1000.0
    monkeypatch.setattr(clock, "monotonic_s", lambda: now_s)
    pulse = Pulse()
    pulse.beat(is_well=True, every_s=10.0)

    now_s = 1030.0
    in_time_s = pulse.late_s()
    now_s = 1031.0
    late_s = pulse.late_s()
    pulse.beat(is_well=False, every_s=10.0)

    assert (in_time_s, late_s) == (0.0, 31.0)
    assert pulse.late_s() == 0.0
    assert pulse.beats == 1


def test_whoever_ends_is_not_late(monkeypatch):
    now_s = 1000.0
    monkeypatch.setattr(clock, "monotonic_s", lambda: now_s)
    pulse = Pulse()
    pulse.is_stopping = True

    now_s = 9000.0

    assert pulse.late_s() == 0.0
