"""The filter of system calls, judged as the kernel would."""

import struct

import pytest

from expokeep.hooks.calls import program

ALLOWED, REFUSED, KILLED = 0x7FFF0000, 0x00050001, 0x80000000
ARCH = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
NUMBERS = {
    "x86_64": {"read": 0, "clone": 56, "socket": 41, "ptrace": 101, "mount": 165},
    "aarch64": {"read": 63, "clone": 220, "socket": 198, "ptrace": 117, "mount": 40},
}


def judged(machine, number, argument=0, arch=None):
    """Return what the program says of a call."""
    data = {0: number, 4: arch or ARCH[machine], 16: argument}
    lines = list(struct.iter_unpack("=HBBI", program(machine)))
    loaded, at = 0, 0
    while True:
        code, if_so, if_not, value = lines[at]
        if code == 0x20:
            loaded, jump = data[value], 0
        elif code == 0x06:
            return value
        else:
            is_so = {
                0x15: loaded == value,
                0x35: loaded >= value,
                0x45: bool(loaded & value),
            }[code]
            jump = if_so if is_so else if_not
        at += 1 + jump


@pytest.mark.parametrize("machine", ARCH)
def test_what_programs_need_is_allowed(machine):
    numbers = NUMBERS[machine]

    assert judged(machine, numbers["read"]) == ALLOWED
    assert judged(machine, numbers["clone"], 0x3D0F00) == ALLOWED  # a thread
    for family in (1, 2, 10, 16):
        assert judged(machine, numbers["socket"], family) == ALLOWED


@pytest.mark.parametrize("machine", ARCH)
def test_what_reaches_around_a_cell_is_refused(machine):
    numbers = NUMBERS[machine]

    for name in ("ptrace", "mount"):
        assert judged(machine, numbers[name]) == REFUSED
    for flag in (0x20000, 0x2000000, 0x10000000, 0x20000000, 0x40000000, 0x80):
        assert judged(machine, numbers["clone"], flag) == REFUSED
    for family in (17, 38, 40):
        assert judged(machine, numbers["socket"], family) == REFUSED
    assert judged(machine, 425) == REFUSED
    assert judged(machine, 435) == 0x00050000 | 38  # callers fall back on clone


@pytest.mark.parametrize("machine", ARCH)
def test_calls_of_another_kind_of_machine_end_the_process(machine):
    assert judged(machine, 0, arch=0x40000003) == KILLED
    assert judged(machine, 0x40000000 + 101) == 0x00050000 | 38
