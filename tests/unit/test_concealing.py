import json
import time

import pytest

from expokeep import concealing

LONG_S = 10
"""Without the bounds it would be minutes."""


@pytest.fixture(autouse=True)
def forgotten(monkeypatch):
    """Let what a test conceals be known to no other."""
    monkeypatch.setattr(concealing, "_spellings", set())
    monkeypatch.setattr(concealing, "_known", {})


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("postgres://me:p@ss/w@host/db", "postgres://me:***@host/db"),
        ("at postgresql://me:pw@host failed", "at postgresql://me:***@host failed"),
        ("https://ghp_abc@github.com/x.git", "https://***@github.com/x.git"),
        ("https://me:ghp_abc@github.com/x.git", "https://me:***@github.com/x.git"),
        ("ssh://git@github.com/x.git", "ssh://git@github.com/x.git"),
        ("http://127.0.0.1:9000/bucket", "http://127.0.0.1:9000/bucket"),
        ("host=db password=pw user=me", "host=db password=*** user=me"),
        ("password='it''s' user=me", "password=*** user=me"),
        (r"password = 'it\'s so' user=me", "password = *** user=me"),
        ("PGPASSWORD=pw psql", "PGPASSWORD=*** psql"),
        ("/k?X-Amz-Signature=0a&x=1", "/k?X-Amz-Signature=***&x=1"),
        ("/k?X-Amz-Credential=AKID%2Fauto", "/k?X-Amz-Credential=***"),
        ("Credential=AKID/auto, Signature=0ab", "Credential=*** Signature=***"),
        ("the password is wrong", "the password is wrong"),
    ],
)
def test_what_looks_like_a_secret_is_not_said(said, shown):
    assert concealing.concealed(said) == shown


@pytest.mark.parametrize("key", ["secret", "access_token", "PGPASSWORD", "pepper"])
def test_what_is_called_a_secret_is_not_said_whatever_it_looks_like(key):
    assert concealing.value(key, "x") == "***"
    assert concealing.value("field", {"deep": [{key: 5}]}) == {"deep": [{key: "***"}]}


def test_a_known_secret_is_found_however_it_is_spelled():
    secret = "a/b c\"d'e\\f\N{SNOWMAN}"
    concealing.conceal([secret])
    spelled = [
        secret,
        repr(secret),
        json.dumps(secret),
        "https://h/?k=a%2Fb%20c%22d%27e%5Cf%E2%98%83",
    ]

    for text in spelled:
        assert "b c" not in (shown := concealing.concealed(text)), shown
        assert "b%20c" not in shown


def test_a_rotated_secret_is_not_said_before_it_is_out_of_use():
    concealing.conceal(["first-secret"])
    concealing.conceal(["second-secret"])

    assert concealing.concealed("first-secret second-secret") == "*** ***"


def test_letters_that_are_in_other_words_are_not_blanked_out():
    concealing.conceal(["post"])

    assert concealing.concealed("postgres") == "postgres"


def test_a_value_of_any_kind_is_looked_through():
    concealing.conceal(["sesame-open"])

    assert concealing.value("error", ValueError("sesame-open")) == "ValueError('***')"
    assert concealing.value("all", ("sesame-open", 5, None)) == ["***", 5, None]


@pytest.mark.parametrize("bait", ["a://:", "a.", "https://x", "password='", "token "])
def test_no_text_takes_long_to_look_through(bait):
    began_s = time.monotonic()
    concealing.concealed(bait * (256 * 1024 // len(bait)))

    assert time.monotonic() - began_s < LONG_S
