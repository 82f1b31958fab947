"""What looks like a secret, and what must not."""

import base64
import hashlib
import random

import pytest

from expo_template import FILES
from expokeep.model.secrets import (
    DEFAULT_PATTERNS,
    MAX_SIGHTINGS,
    Scanner,
    Sighting,
    look,
    names,
)

# Made here, not written down: nobody's scanner shall stop at this file.
_CHANCE = random.Random(7)
_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"


def _random(length, letters=_LETTERS):
    return "".join(_CHANCE.choice(letters) for _ in range(length))


def _web_token():
    parts = ('{"alg":"HS256","typ":"JWT"}', '{"sub":"1","role":"service_role"}')
    encoded = [base64.urlsafe_b64encode(p.encode()).decode().rstrip("=") for p in parts]
    return ".".join([*encoded, _random(43)])


KEYS = {
    "AWS access key": "AKIA" + _random(16, "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"),
    "GitHub token": "ghp_" + _random(36),
    "GitLab token": "glpat-" + _random(20),
    "Anthropic key": "sk-ant-api03-" + _random(80),
    "OpenAI key": "sk-proj-" + _random(48) + "aB3",
    "Google key": "AIza" + _random(35),
    "Google client secret": "GOCSPX-" + _random(28),
    "Slack token": "xoxb-" + _random(12, "0123456789") + "-" + _random(24),
    "Stripe key": "sk_live_" + _random(24),
    "npm token": "npm_" + _random(36),
    "Hugging Face token": "hf_" + _random(34),
    "SendGrid key": "SG." + _random(22) + "." + _random(43),
    "JSON Web Token": _web_token(),
    "private key": "-----BEGIN " + "RSA PRIVATE KEY-----",
    "password in a URL": "postgresql://shop:" + _random(12) + "@db.internal/shop",
}
FINE_GRAINED = "github_pat_" + _random(22) + "_" + _random(59)


@pytest.mark.parametrize("kind", KEYS)
def test_a_key_is_known_by_how_it_begins(kind):
    text = f"// first\nexport const it = '{KEYS[kind]}';\n"

    assert look([text.encode()]) == (Sighting(2, kind),)


def test_a_fine_grained_token_is_known():
    assert look([FINE_GRAINED.encode()]) == (Sighting(1, "GitHub token"),)


@pytest.mark.parametrize(
    "line",
    [
        f'const apiKey = "{_random(32)}1a2b3";',
        f'"client_secret": "{hashlib.sha256(b"a").hexdigest()}",',
        f"SESSION_SECRET={_random(40)}1a2b3",
        f"  password: {_random(24)}1a2b3\r",
        f"export SENTRY_AUTH_TOKEN={_random(64)}1a2",
        f"config.accessKey => '{_random(30)}123'".replace("=>", "="),
    ],
)
def test_what_chance_wrote_under_the_name_of_a_secret_is_one(line):
    found = look([line.encode()])

    assert found == (Sighting(1, "random value of a secret name"),)


@pytest.mark.parametrize(
    "line",
    [
        f"//registry.npmjs.org/:_authToken={_random(36)}",
        f"//npm.pkg.github.com/:_password={_random(36)}",
    ],
)
def test_a_password_of_npm_is_known(line):
    assert look([line.encode()]) == (Sighting(1, "npm password"),)


@pytest.mark.parametrize("path", FILES)
def test_nothing_in_an_expo_project_looks_like_a_secret(path):
    assert look([FILES[path].encode()]) == ()
    assert not names(DEFAULT_PATTERNS)(path.encode())


@pytest.mark.parametrize(
    "path",
    [".env", "app/.env.production", "ios/dist.p12", "a/b/upload.jks", "AuthKey.p8"],
)
def test_a_file_is_secret_by_its_name(path):
    assert names(DEFAULT_PATTERNS)(path.encode())


def test_what_is_no_text_is_not_looked_through():
    image = b"\x89PNG\r\n\0\0" + KEYS["GitHub token"].encode()

    assert look([image]) == ()


def test_of_what_is_no_text_no_more_is_wanted():
    scanner = Scanner()

    assert not scanner.feed(b"\0" * 10_000)


@pytest.mark.parametrize("size", [1, 7, 4096, 300_000])
def test_pieces_of_any_size_find_the_same(size):
    key = KEYS["GitHub token"].encode()
    whole = b"a line\n" * 40_000 + key + b"\n" + b"more\n" * 9 + key + b"\n"

    found = look(whole[at : at + size] for at in range(0, len(whole), size))

    kind = "GitHub token"
    assert found == (Sighting(40_001, kind), Sighting(40_011, kind))


@pytest.mark.parametrize("before", [256 * 1024 - 20, 256 * 1024, 2_000_000])
def test_a_key_in_a_line_without_end_is_found_once(before):
    # A bundle is one line of megabytes; the key may lie where we cut.
    bundle = b"x;" * (before // 2) + KEYS["AWS access key"].encode() + b";y" * 300_000

    assert look([bundle]) == (Sighting(1, "AWS access key"),)


def test_there_is_an_end_to_what_is_told_of_one_file():
    text = "".join(f"ghp_{_random(36)}\n" for _ in range(100))

    assert len(look([text.encode()])) == MAX_SIGHTINGS


def test_a_sighting_does_not_know_the_secret():
    found = look([KEYS["GitHub token"].encode()])

    assert KEYS["GitHub token"][4:] not in repr(found)


def test_a_hostile_line_takes_no_time():
    # Anybody may write a project: nothing here may look back for long.
    hostile = [
        b"secret" * 200_000,
        b"token_" + b"a." * 400_000 + b"=",
        b"://" * 300_000,
        b"a" * 900_000 + b"://x:",
        b"-----BEGIN " * 80_000,
        b'secret="' + b"aa-" * 150 + b'0Aa0Aa0"',
        b"eyJ" + b"a" * 500_000 + b".eyJ" + b"b" * 400_000,
        b"export " * 100_000 + b"\n" + b" " * 800_000 + b"secret=",
    ]

    for text in hostile:
        assert look([text]) == ()
