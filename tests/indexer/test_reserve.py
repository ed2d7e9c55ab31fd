"""Room for deletes: kept while there is some, given up when a delete needs it, filled again."""

from __future__ import annotations

from pathlib import Path

import pytest

from indexer import reserve
from indexer.reserve import LEAST_BYTES, MOST_BYTES, Reserve

PLENTY = 1 << 40


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Reserve:
    monkeypatch.setattr(reserve, "free_bytes", lambda folder: PLENTY)
    return Reserve(tmp_path, tmp_path / "db")


def test_a_small_database_keeps_little_and_a_large_one_more(kept: Reserve, tmp_path: Path) -> None:
    kept.fill()
    assert kept.size() == LEAST_BYTES
    with open(tmp_path / "db", "wb") as database:
        database.truncate(10 * LEAST_BYTES)
    kept.fill()
    assert kept.size() == 10 * LEAST_BYTES
    with open(tmp_path / "db", "wb") as database:
        database.truncate(10 * MOST_BYTES)
    kept.fill()
    assert kept.size() == MOST_BYTES


def test_the_room_is_taken_on_the_disk_and_not_only_named(kept: Reserve) -> None:
    kept.fill()
    assert kept.path.stat().st_blocks * 512 >= LEAST_BYTES


def test_it_takes_at_most_half_of_what_is_left(kept: Reserve, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reserve, "free_bytes", lambda folder: LEAST_BYTES)
    kept.fill()
    assert kept.size() == LEAST_BYTES // 2
    monkeypatch.setattr(reserve, "free_bytes", lambda folder: 1000)
    kept.give_up()
    kept.fill()
    assert kept.size() == 0


def test_it_is_needed_when_the_disk_has_less_than_a_delete_may_take(
    kept: Reserve, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert not kept.is_needed()
    monkeypatch.setattr(reserve, "free_bytes", lambda folder: LEAST_BYTES - 1)
    assert kept.is_needed()


def test_giving_up_twice_is_no_error(kept: Reserve) -> None:
    kept.fill()
    kept.give_up()
    kept.give_up()
    assert kept.size() == 0
