"""No file made to harm gets further than a LoadError; those that break their parser need its walls (`test_sandbox`)."""

from __future__ import annotations

import time
from contextlib import suppress

import pytest

from indexer.errors import LoadError
from indexer.loaders import load
from tests.indexer.bombs import BOMBS, HEAVY, WALLED

_FAMILIES = 12
"""Of all the bombs, the default run throws every so many; `-m slow` throws all."""


def _throw(names: list[str]) -> None:
    for name in names:
        file = BOMBS[name]()
        begun = time.process_time()
        with pytest.raises(LoadError) as caught:
            load(*file)
        assert time.process_time() - begun < 5, name
        assert "\n" not in str(caught.value), name


def test_a_part_of_the_bombs_ends_in_a_load_error() -> None:
    _throw([name for name in sorted(BOMBS) if name not in WALLED][::_FAMILIES])


@pytest.mark.slow
def test_every_bomb_ends_in_a_load_error() -> None:
    _throw(sorted(set(BOMBS) - WALLED))


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(HEAVY))
def test_strange_files_are_read_soon(name: str) -> None:
    file = HEAVY[name]()
    begun = time.process_time()
    with suppress(LoadError):
        load(*file)
    assert time.process_time() - begun < 5


def test_there_are_bombs_enough_and_each_is_small() -> None:
    assert len(BOMBS) >= 190
    assert not set(BOMBS) & set(HEAVY)
    assert all(len(BOMBS[name]()[1]) < 16 << 20 for name in sorted(BOMBS)[::_FAMILIES])
