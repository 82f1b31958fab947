"""Names are bytes: text shows them all, tells them apart, and gives them back."""

import unicodedata

from hypothesis import example, given
from hypothesis import strategies as st

from expokeep.model.names import (
    for_terminal,
    from_text,
    is_safe_path,
    parents,
    parse_session_id,
    session_of_directory,
    to_text,
)

# Mostly what makes trouble: backslashes, digits of escapes, ends of UTF-8 sequences.
ODD = st.lists(
    st.sampled_from([b"\\", b"x", b"41", b"ff", b"\xff", b"\xc3", b"\xa9", b"\n", b"/"])
).map(b"".join)
TURNING = set("\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
NAMES = st.binary(max_size=40) | ODD


@given(name=NAMES)
@example(name=bytes(range(256)))
@example(name=b"\\x41")
@example(name=b"\xed\xb3\xbf")  # a lone surrogate, which is no UTF-8
def test_a_name_comes_back_from_its_text(name):
    assert from_text(to_text(name)) == name


@given(one=NAMES, other=NAMES)
def test_two_names_never_look_the_same(one, other):
    assert (to_text(one) == to_text(other)) == (one == other)


@given(name=NAMES)
def test_text_can_be_sent_and_good_text_stays_as_it_is(name):
    to_text(name).encode()
    if b"\\" not in name and name.decode(errors="ignore").encode() == name:
        assert to_text(name) == name.decode()


@given(text=st.text(max_size=20))
def test_only_what_we_write_is_read(text):
    try:
        name = from_text(text)
    except ValueError:
        return
    assert to_text(name) == text


@given(name=NAMES | st.text(max_size=20).map(str.encode))
def test_no_name_moves_the_cursor(name):
    shown = for_terminal(name)

    assert not [one for one in shown if unicodedata.category(one) in ("Cc", "Zl", "Zp")]
    assert not set(shown) & set(
        "\u200e\u200f\u202a\u202b\u202d\u202e\u2066\u2067\u2068"
    )


@given(parts=st.lists(NAMES, max_size=5))
def test_a_safe_path_stays_below_its_root(parts):
    path = b"/".join(parts)

    if is_safe_path(path):
        assert not path.startswith(b"/")
        assert b"\0" not in path
        assert not {b"", b".", b".."} & set(path.split(b"/"))
        assert [*parents(path), path][-1].count(b"/") == len(parents(path))


@given(name=st.binary(max_size=60) | st.from_regex(rb"expo-[A-Za-z0-9._-]{0,40}"))
def test_the_session_of_a_directory_is_one_that_can_be_parsed(name):
    session = session_of_directory(name)

    if session is not None:
        assert parse_session_id(session) == session
        assert name.startswith(b"expo-" + session.encode())
