"""Mutations: what is almost right goes further into a program than noise does."""

from collections.abc import Sequence
from pathlib import Path

from hypothesis import strategies as st

CORPUS = Path(__file__).parent / "corpus"

PIECES = (
    *(b"\0", b"\xff", b"\x1b", b"-1", b"0", b'"', b"]", b"}", b"[", b"{", b",", b"\n"),
    *(b"..", b"/", b"\\", b"\\x", b"\\u0000", b"\\ud800", b"null", b"true", b"1e999"),
    *(b"9" * 20, b"18446744073709551616", b"9223372036854775808", b"2147483648"),
    *(b"\x00" * 512, b"\xff" * 8, b"[" * 200, b"a" * 300, b"**/", b"*", b"!", b"&a"),
    *(
        b"\x28\xb5\x2f\xfd",
        b"\x50\x2a\x4d\x18",
        b"PK\x01\x02",
        b"PK\x05\x06",
        b"\x1f\x8b",
    ),
    *(b"HTTP/1.1 ", b"\r\n", b"\r\n\r\n", b"Content-Length: ", b"chunked"),
)


def seeds(target: str) -> list[bytes]:
    """Return what is kept for a target; the first one is something that is right."""
    return [one.read_bytes() for one in sorted((CORPUS / target).iterdir())]


@st.composite
def mutated(draw: st.DrawFn, known: Sequence[bytes]) -> bytes:
    """Draw one of these, with a few changes: flipped, cut, doubled, spliced, put in."""
    raw = draw(st.sampled_from(known))
    for _ in range(draw(st.integers(0, 4))):
        at = draw(st.integers(0, len(raw)))
        end = min(len(raw), at + draw(st.integers(0, 16)))
        match draw(st.integers(0, 4)):
            case 0:
                raw = raw[:at] + draw(st.sampled_from(PIECES)) + raw[end:]
            case 1:
                raw = raw[:at] + draw(st.binary(max_size=8)) + raw[end:]
            case 2:
                raw = raw[:at] + raw[at:end] * draw(st.integers(0, 40)) + raw[end:]
            case 3:
                other = draw(st.sampled_from(known))
                raw = raw[:at] + other[min(at, len(other)) :]
            case _:
                raw = raw[:at]
    return raw
