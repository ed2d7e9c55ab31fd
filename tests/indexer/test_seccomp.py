"""The filter, run by an interpreter of its instructions: exactly the calls of the list pass."""

from __future__ import annotations

import struct

import pytest

from indexer import seccomp

PID = 4321
NUMBERS = {"x86_64": (0xC000003E, 234, 0), "aarch64": (0xC00000B7, 131, 1)}


def verdict(code: bytes, architecture: int, number: int, argument: int = 0) -> int:
    """What the program (RFC-less classic BPF: load, jump if equal, return) says of one call."""
    data = struct.pack("=IIQQ", number, architecture, 0, argument)
    at, value = 0, 0
    while True:
        operation, if_equal, otherwise, operand = struct.unpack_from("=HBBI", code, 8 * at)
        at += 1
        if operation == 0x20:
            (value,) = struct.unpack_from("=I", data, operand)
        elif operation == 0x15:
            at += if_equal if value == operand else otherwise
        else:
            return int(operand)


@pytest.mark.parametrize("machine", NUMBERS)
def test_the_calls_of_the_list_pass_and_all_others_are_refused(machine: str) -> None:
    architecture, tgkill, column = NUMBERS[machine]
    code = seccomp.program(machine, PID)
    allowed = {call[column] for call in seccomp._CALLS.values()}
    for number in [*range(600), 0x40000000, 0x40000001, 0xFFFFFFFF]:
        if number != tgkill:
            expected = seccomp._ALLOW if number in allowed else seccomp._REFUSE
            assert verdict(code, architecture, number) == expected, number


@pytest.mark.parametrize("machine", NUMBERS)
def test_a_process_signals_itself_only(machine: str) -> None:
    architecture, tgkill, _ = NUMBERS[machine]
    code = seccomp.program(machine, PID)
    assert verdict(code, architecture, tgkill, PID) == seccomp._ALLOW
    assert verdict(code, architecture, tgkill, PID + 1) == seccomp._REFUSE
    assert verdict(code, architecture, tgkill, 1) == seccomp._REFUSE


def test_calls_of_another_architecture_kill() -> None:
    code = seccomp.program("x86_64", PID)
    for architecture in (0x40000003, NUMBERS["aarch64"][0]):
        assert verdict(code, architecture, 0) == seccomp._KILL


def test_no_call_that_opens_connects_or_begins_a_process_is_in_the_list() -> None:
    for word in (
        "open",
        "socket",
        "connect",
        "exec",
        "fork",
        "clone",
        "kill",
        "ptrace",
        "io_uring",
        "link",
        "mount",
        "prctl",
    ):
        assert [name for name in seccomp._CALLS if word in name] == []
