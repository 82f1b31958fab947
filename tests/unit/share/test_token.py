"""Tokens, what is kept of them, and passwords."""

import base64
import re

import pytest

from expokeep.share.token import (
    Pepper,
    Token,
    hashed_password,
    is_password,
    new_name,
    new_pepper,
    new_token,
    parse_name,
    parse_token,
)

PEPPER, OTHER = Pepper(b"p" * 32), Pepper(b"q" * 32)


def test_no_token_comes_twice():
    tokens = {new_token().text for _ in range(1_000_000)}

    assert len(tokens) == 1_000_000
    assert {len(text) for text in tokens} == {43}
    # On a command line it is no option, and no link loses its end in a mail.
    assert "-" not in {text[0] for text in tokens}
    assert {"-", "_"}.isdisjoint(text[-1] for text in tokens)


def test_no_token_looks_like_an_option():
    assert not any(new_token().text.startswith("-") for _ in range(2000))


def test_a_token_has_256_random_bits():
    # 43 letters of 6 bits hold 32 bytes; each of them takes every value. But the first:
    # a 64th of all, those that begin with a dash, are thrown away.
    seen = [set() for _ in range(32)]
    for _ in range(4000):
        raw = base64.urlsafe_b64decode(new_token().text + "=")
        for place, value in enumerate(raw):
            seen[place].add(value)

    assert [len(values) for values in seen] == [252, *[256] * 31]


def test_a_token_never_shows_itself():
    token = new_token()

    said = f"{token} {token!r} {[token]}"

    assert token.text not in said


def test_a_pepper_never_shows_itself():
    key = new_pepper()

    assert key not in repr(Pepper(key.encode()))
    assert Pepper(key.encode()).shown.hex() not in key


def test_what_is_kept_depends_on_the_key():
    token = new_token()

    assert PEPPER.hashed(token) == PEPPER.hashed(Token(token.text))
    assert PEPPER.hashed(token) != OTHER.hashed(token)
    assert PEPPER.hashed(token) != PEPPER.hashed(new_token())
    assert len(PEPPER.hashed(token)) == 32
    assert PEPPER.shown != OTHER.shown
    assert PEPPER.shown not in PEPPER.hashed(token)


@pytest.mark.parametrize(
    "around",
    [
        "{}",
        " {}\n",
        "https://app.example/shared/{}",
        "https://app.example/shared/{}/",
        "https://app.example/shared/{}?utm=mail#top",
        "app.example/shared/{}",
    ],
)
def test_a_token_is_read_out_of_its_link(around):
    token = new_token()

    assert parse_token(around.format(token.text)) == token


@pytest.mark.parametrize(
    "text", ["", "a", "a" * 42, "a" * 44, "ü" * 43, "https://app.example/shared/", "\0"]
)
def test_what_is_no_token_is_none(text):
    assert parse_token(text) is None


def test_a_name_is_no_token_and_a_token_no_name():
    assert re.fullmatch(r"shr-[a-z2-7]{12}", new_name())
    assert parse_token(new_name()) is None
    assert parse_name(new_token().text) is None
    assert len({new_name() for _ in range(10_000)}) == 10_000


def test_a_password_is_known_again_and_not_kept():
    kept = hashed_password("correct horse")

    assert is_password("correct horse", kept)
    assert not is_password("correct horse ", kept)
    assert not is_password("", kept)
    assert "correct" not in kept
    assert kept != hashed_password("correct horse")
