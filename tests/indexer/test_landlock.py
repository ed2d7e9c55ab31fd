"""The rights that each version of the interface lets be taken; what they do is in test_sandbox.py."""

from __future__ import annotations

import struct

import pytest

from indexer import landlock


@pytest.mark.parametrize(
    ("abi", "fields"),
    [
        (1, (0x1FFF,)),
        (2, (0x3FFF,)),
        (3, (0x7FFF,)),
        (4, (0x7FFF, 3)),
        (5, (0xFFFF, 3)),
        (6, (0xFFFF, 3, 3)),
        (99, (0xFFFF, 3, 3)),
    ],
)
def test_a_ruleset_handles_every_right_its_version_knows_and_no_other(abi: int, fields: tuple[int, ...]) -> None:
    assert landlock.ruleset(abi) == struct.pack(f"={len(fields)}Q", *fields)


def test_the_version_is_a_number_wherever_one_asks() -> None:
    assert landlock.version() >= 0
