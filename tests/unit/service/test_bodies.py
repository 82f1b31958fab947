"""What the body of a request may say, whichever route it is for."""

import msgspec
import pytest

from expokeep.control.routes import Call
from expokeep.errors import UsageError
from expokeep.service.bodies import body


class Wish(msgspec.Struct):
    message: str = ""


def said(raw: bytes) -> str:
    return body(Call(None, {}, {}, raw), Wish).message


@pytest.mark.parametrize("text", [r"\u0000", r"a\\\u0000", r"\n\u0000b"])
def test_a_nul_is_refused_wherever_it_stands(text):
    with pytest.raises(UsageError, match="NUL"):
        said(b'{"message": "%b"}' % text.encode())


@pytest.mark.parametrize("text", ["", r"\u0000", r"\\u0000", "a\nb", "u0000"])
def test_what_only_looks_like_one_is_taken_as_it_is(text):
    assert said(msgspec.json.encode({"message": text})) == text


def test_nothing_at_all_says_what_there_is_by_default():
    assert said(b"") == ""


@pytest.mark.parametrize("raw", [b"[" * 100_000, b"\xff", b"null", b'{"message": 5}'])
def test_what_cannot_be_understood_is_refused(raw):
    with pytest.raises(UsageError, match="understood"):
        said(raw)
