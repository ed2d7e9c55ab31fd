"""A file is the old one or the new one, whole; only one place renames and syncs."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from indexer import durable
from tests.indexer.crash.layer import Call, watching

ROOT = Path(__file__).resolve().parents[2]


class Calls:
    """Keeps the kinds and names of the calls."""

    def __init__(self, fail_at: str = "") -> None:
        self.seen: list[tuple[str, str]] = []
        self.fail_at = fail_at

    def __call__(self, call: Call) -> None:
        if call.kind == self.fail_at:
            raise OSError(28, "No space left on device")
        self.seen.append((call.kind, Path(call.path).name))


def test_writing_syncs_the_bytes_before_the_name_and_the_name_before_it_returns(tmp_path: Path) -> None:
    calls = Calls()
    with watching(calls):
        durable.write_whole(tmp_path / "a.index", [b"one", b"two"])
    folder = tmp_path.name
    assert calls.seen == [
        ("create", "a.tmp"), ("write", "a.tmp"), ("write", "a.tmp"), ("sync", "a.tmp"), ("rename", "a.tmp"),
        ("sync_folder", folder),
    ]  # fmt: skip
    assert (tmp_path / "a.index").read_bytes() == b"onetwo"


@pytest.mark.parametrize("fail_at", ["create", "write", "sync", "rename"])
def test_what_cannot_be_written_leaves_the_old_file_and_nothing_beside_it(tmp_path: Path, fail_at: str) -> None:
    durable.write_whole(tmp_path / "a.index", [b"old"])
    with watching(Calls(fail_at)), pytest.raises(OSError, match="No space"):
        durable.write_whole(tmp_path / "a.index", [b"new"])
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {"a.index": b"old"}


def test_a_write_that_takes_less_than_it_is_given_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write = os.write
    monkeypatch.setattr(os, "write", lambda fd, data: write(fd, bytes(data)[:7]))
    durable.write_whole(tmp_path / "a.index", [bytes(range(256))])
    assert (tmp_path / "a.index").read_bytes() == bytes(range(256))


def test_every_folder_that_is_made_is_kept_in_the_one_above(tmp_path: Path) -> None:
    calls = Calls()
    with watching(calls):
        durable.make_folder(tmp_path / "a" / "b")
        durable.make_folder(tmp_path / "a" / "b")
    assert sorted(calls.seen) == sorted([("sync_folder", "a"), ("sync_folder", tmp_path.name)])


def test_the_sweep_removes_half_written_files_alone(tmp_path: Path) -> None:
    for name in ("vectors.tmp", "vectors.index"):
        (tmp_path / name).write_bytes(b"x")
    (tmp_path / "folder.tmp").mkdir()
    durable.sweep(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["folder.tmp", "vectors.index"]


def test_removing_what_is_not_there_is_no_error(tmp_path: Path) -> None:
    durable.remove(tmp_path / "none")


def test_no_other_file_of_the_indexer_renames_or_syncs() -> None:
    calls = re.compile(r"os\.(rename|replace|fsync|fdatasync)\(")
    found = [path.name for path in (ROOT / "indexer").rglob("*.py") if calls.search(path.read_text(encoding="utf-8"))]
    assert found == ["durable.py"]
