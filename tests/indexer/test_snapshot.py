"""An index file is read back bit for bit, or refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from indexer.errors import StoreCorrupt
from indexer.snapshot import Header, quarantine, read_snapshot, write_snapshot

HEADER = Header(generation=7, model="hash", last_id=42)
PAYLOAD = bytes(range(256)) * 3


@pytest.fixture
def path(tmp_path: Path) -> Path:
    write_snapshot(tmp_path / "vectors.index", HEADER, PAYLOAD)
    return tmp_path / "vectors.index"


def test_what_was_written_is_read_and_nothing_is_left_beside_it(path: Path) -> None:
    assert read_snapshot(path) == (HEADER, PAYLOAD)
    assert list(path.parent.iterdir()) == [path]


def test_writing_again_replaces(path: Path) -> None:
    write_snapshot(path, Header(8, "hash", 43), b"new")
    assert read_snapshot(path) == (Header(8, "hash", 43), b"new")


def test_a_file_half_written_beside_it_changes_nothing(path: Path) -> None:
    path.with_suffix(".tmp").write_bytes(b"half")
    assert read_snapshot(path) == (HEADER, PAYLOAD)
    write_snapshot(path, HEADER, b"next")
    assert read_snapshot(path)[1] == b"next"


def test_every_flipped_byte_is_noticed(path: Path) -> None:
    whole = path.read_bytes()
    for at in range(0, len(whole), 5):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 0x10]) + whole[at + 1 :])
        with pytest.raises(StoreCorrupt, match="damaged"):
            read_snapshot(path)


def test_every_cut_is_noticed(path: Path) -> None:
    whole = path.read_bytes()
    for length in range(0, len(whole), 7):
        path.write_bytes(whole[:length])
        with pytest.raises(StoreCorrupt):
            read_snapshot(path)


def test_a_damaged_file_is_set_aside_not_deleted(path: Path) -> None:
    whole = path.read_bytes()
    assert quarantine(path).read_bytes() == whole
    assert not path.exists()


def test_a_missing_file_is_missing(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        read_snapshot(tmp_path / "none")
