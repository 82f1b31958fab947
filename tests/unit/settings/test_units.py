import pytest
from hypothesis import given
from hypothesis import strategies as st

from expokeep.settings.units import (
    parse_duration_s,
    parse_size_bytes,
    shown_duration,
    shown_size,
)


@given(st.integers(0, 10**9 - 1))
def test_a_duration_survives_being_shown(millis: int) -> None:
    assert parse_duration_s(shown_duration(millis / 1000)) == millis / 1000


@given(st.integers(0, 10**15 - 1))
def test_a_size_survives_being_shown(size_bytes: int) -> None:
    assert parse_size_bytes(shown_size(size_bytes)) == size_bytes


@given(st.integers(0, 10**9 - 1), st.sampled_from(["ms", "s", "m", "h", "d"]))
def test_a_written_duration_is_shown_as_an_equal_one(number: int, unit: str) -> None:
    seconds = parse_duration_s(f"{number}{unit}")

    assert parse_duration_s(shown_duration(seconds)) == seconds


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("2s", 2), ("15m", 900), ("1h", 3600), ("250ms", 0.25), ("7d", 604_800)],
)
def test_durations_are_in_seconds(text: str, seconds: float) -> None:
    assert parse_duration_s(text) == seconds


@pytest.mark.parametrize(
    "text", ["", "2", "s", "-2s", "1.5h", "2 s", "2s\n", "٢s", "2S"]
)
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not a duration"):
        parse_duration_s(text)


@pytest.mark.parametrize(
    ("text", "size_bytes"),
    [("1GB", 1 << 30), ("500MB", 500 << 20), ("16MiB", 16 << 20), ("9b", 9), ("0B", 0)],
)
def test_sizes_count_in_1024s(text: str, size_bytes: int) -> None:
    assert parse_size_bytes(text) == size_bytes


@pytest.mark.parametrize(
    "text", ["", "500", "MB", "-1MB", "1.5GB", "1 GB", "1GB\n", "iB"]
)
def test_what_is_no_size_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not a size"):
        parse_size_bytes(text)
