import os

import pytest

from expokeep.pack.compressibility import is_packed_already

NOISE = os.urandom(100_000)
TEXT = b"import React from 'react';\n" * 4000


@pytest.mark.parametrize("path", [b"a.png", b"a/b.c.JPG", b"font.woff2", b"a.zip"])
def test_types_that_are_packed_are_known_by_their_ends(path: bytes) -> None:
    assert is_packed_already(path, TEXT)


@pytest.mark.parametrize("path", [b"png", b"a.ts", b"a.svg", b"zip/a", b"a.png.ts"])
def test_what_compresses_is_compressed(path: bytes) -> None:
    assert not is_packed_already(path, TEXT)


def test_noise_is_found_by_trying() -> None:
    assert is_packed_already(b"data", NOISE)


def test_small_noise_is_not_worth_trying() -> None:
    assert not is_packed_already(b"data", NOISE[:1000])
