"""When a session has settled."""

from expokeep.watch.settle import Settler


def settler() -> Settler[str]:
    return Settler(quiet_s=2.0, max_wait_s=15.0)


def snapshots(writes_s: list[float], until_s: float) -> list[float]:
    """Return when snapshots are taken if somebody asks every 10 ms."""
    patient, taken_s = settler(), []
    writes = sorted(writes_s, reverse=True)
    for tick in range(int(until_s * 100) + 1):
        now_s = tick / 100
        while writes and writes[-1] <= now_s:
            patient.touched("shop", writes.pop())
        for session in patient.due(now_s):
            patient.taken(session, now_s)
            taken_s.append(now_s)
    return taken_s


def test_fifty_writes_in_a_second_are_one_snapshot() -> None:
    assert snapshots([number / 50 for number in range(50)], until_s=60) == [2.98]


def test_a_write_every_half_second_does_not_wait_longer_than_it_may() -> None:
    taken_s = snapshots([number / 2 for number in range(120)], until_s=80)

    # A burst begins with its first write, which follows the snapshot before.
    assert taken_s == [15.0, 30.5, 46.0, 61.5]


def test_two_bursts_are_two_snapshots() -> None:
    assert snapshots([0.0, 0.1, 10.0], until_s=60) == [2.1, 12.0]


def test_who_waits_longest_is_first() -> None:
    patient = settler()
    for session, at_s in (("c", 3.0), ("a", 1.0), ("b", 2.0)):
        patient.touched(session, at_s)

    assert patient.due(100.0) == ["a", "b", "c"]


def test_a_busy_session_does_not_overtake_one_that_waits() -> None:
    patient = settler()
    patient.touched("quiet", 0.0)
    for tenth in range(300):
        patient.touched("busy", tenth / 10)

    assert patient.due(30.0) == ["quiet", "busy"]


def test_a_session_stays_due_until_it_is_taken() -> None:
    patient = settler()
    patient.touched("shop", 0.0)

    assert patient.due(5.0) == patient.due(6.0) == ["shop"]
    assert patient.next_due_s() == 2.0


def test_what_happens_during_a_snapshot_opens_the_next_burst() -> None:
    patient = settler()
    patient.touched("shop", 0.0)
    patient.taken("shop", 2.0)
    patient.touched("shop", 2.5)

    assert patient.due(4.4) == []
    assert patient.due(4.5) == ["shop"]


def test_a_wake_up_comes_without_any_event() -> None:
    patient = settler()
    patient.schedule("shop", 60.0)

    assert patient.next_due_s() == 60.0
    assert patient.due(59.9) == []
    assert patient.due(60.0) == ["shop"]


def test_a_wake_up_outlives_a_snapshot_before_it() -> None:
    patient = settler()
    patient.schedule("shop", 60.0)
    patient.touched("shop", 0.0)
    patient.taken("shop", 2.0)

    assert patient.due(60.0) == ["shop"]
    patient.taken("shop", 60.0)
    assert patient.next_due_s() is None


def test_no_clock_wakes_anybody_in_the_middle_of_a_burst() -> None:
    patient = settler()
    patient.schedule("shop", 60.0)
    patient.touched("shop", 59.9)  # a file is cut short, and is written in a moment

    assert patient.due(60.0) == []
    assert patient.due(61.9) == ["shop"]


def test_who_asks_for_it_now_waits_for_no_quiet() -> None:
    patient = settler()
    patient.touched("shop", 0.0)
    patient.hurry("shop", 0.5)

    assert patient.due(0.5) == ["shop"]
    patient.taken("shop", 0.5)
    assert patient.next_due_s() is None


def test_a_paused_session_collects_and_waits() -> None:
    patient = settler()
    patient.pause("shop")
    patient.touched("shop", 0.0)
    assert patient.due(100.0) == []
    assert patient.next_due_s() is None

    patient.resume("shop")

    assert patient.due(100.0) == ["shop"]


def test_a_session_that_is_forgotten_leaves_nothing_behind() -> None:
    patient = settler()
    patient.pause("shop")
    patient.touched("shop", 0.0)
    patient.forget("shop")
    patient.resume("shop")

    assert patient.due(100.0) == []
    assert not patient._bursts


def test_a_million_events_leave_one_deadline() -> None:
    patient = settler()
    for number in range(10_000):
        patient.touched("shop", number / 1000)

    assert len(patient._agenda._heap) == 1
