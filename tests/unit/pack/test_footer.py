import struct
from dataclasses import replace

import pytest

from expokeep.model.digest import digest_of
from expokeep.pack.footer import FOOTER_BYTES, Footer, encode_footer, read_footer
from expokeep.pack.format import PackDamaged

FOOTER = Footer(300, 7000, digest_of(b"{}"))


def test_a_footer_is_laid_out_as_the_format_says() -> None:
    raw = encode_footer(FOOTER)

    assert raw == (
        bytes.fromhex("502a4d18 40000000")
        + b"expokeep"
        + struct.pack("<HHIQQ", 1, 0, 300, 300, 7000)
        + digest_of(b"{}")
    )
    assert len(raw) == FOOTER_BYTES == 72


def test_a_footer_comes_back_from_the_end_of_a_pack() -> None:
    assert read_footer(b"whatever" + encode_footer(FOOTER)) == FOOTER
    assert FOOTER.end_offset == 7300


@pytest.mark.parametrize("at", range(32))
def test_a_footer_with_a_flipped_byte_is_damage(at: int) -> None:
    raw = bytearray(encode_footer(FOOTER))
    raw[at] ^= 0x80

    with pytest.raises(PackDamaged):
        read_footer(raw)


@pytest.mark.parametrize("length", [0, 1, 71])
def test_what_is_too_short_is_damage(length: int) -> None:
    with pytest.raises(PackDamaged, match="too short"):
        read_footer(encode_footer(FOOTER)[:length])


def test_a_version_that_we_do_not_know_is_told() -> None:
    raw = bytearray(encode_footer(FOOTER))
    raw[16] = 2

    with pytest.raises(PackDamaged, match="version 2"):
        read_footer(raw)


def test_the_data_follows_the_manifest() -> None:
    assert replace(FOOTER, manifest_length=40).data_offset == 40
