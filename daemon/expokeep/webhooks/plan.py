"""When what nobody took is tried again, and when it is given up. Pure."""

FIRST_S = 5.0
MOST_S = 3600.0
GIVE_UP_AFTER_S = 86_400.0


def again_in_s(tries: int, age_s: float, chance: float) -> float | None:
    """Return how long to wait after so many tries; None if it is enough.

    Twice as long each time, up to an hour, spread over the upper half, for a day.

    >>> again_in_s(1, 0.0, chance=1.0), again_in_s(9, 1300.0, chance=0.0)
    (5.0, 640.0)
    """
    if age_s >= GIVE_UP_AFTER_S:
        return None
    longest_s = min(MOST_S, FIRST_S * 2.0 ** min(tries - 1, 32))
    return longest_s * (0.5 + chance / 2)
