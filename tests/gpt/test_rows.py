"""Rows: the same records from every format, with the place each stands at, and nothing fetched."""

from __future__ import annotations

import gzip
import json
import lzma
import socket
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gpt.errors import DataError
from gpt.rows import HubName, Row, data_files, file_rows, hub_rows

RECORDS = [{"text": "naïve — one", "n": 1}, {"text": "two", "n": 2}, {"text": "three", "n": None}]
LINES = "\n".join(json.dumps(r) for r in RECORDS)


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*address: object) -> None:
        raise AssertionError(f"a test connects to {address}")

    monkeypatch.setattr(socket.socket, "connect", refuse)


def values(rows: Any) -> list[dict[str, Any]]:
    return [row.values for row in rows]


def write_parquet(path: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    import pyarrow

    parquet.write_table(pyarrow.Table.from_pylist(RECORDS), path)


@pytest.mark.parametrize(
    ("name", "write"),
    [
        ("a.jsonl", lambda path: path.write_text(LINES + "\n\n")),
        ("a.jsonl.xz", lambda path: path.write_bytes(lzma.compress(LINES.encode()))),
        ("a.JSONL.GZ", lambda path: path.write_bytes(gzip.compress(LINES.encode()))),
        ("a.json", lambda path: path.write_text(json.dumps(RECORDS))),
        ("a.json.gz", lambda path: path.write_bytes(gzip.compress(json.dumps(RECORDS).encode()))),
        ("a.parquet", write_parquet),
    ],
)
def test_every_format_gives_the_same_records(name: str, write: Callable[[Path], object], tmp_path: Path) -> None:
    path = tmp_path / name
    write(path)
    rows = list(file_rows(path))
    assert values(rows) == RECORDS
    assert len({row.place for row in rows}) == 3
    assert all(row.place.startswith(str(path)) for row in rows)


def test_a_text_is_one_row(tmp_path: Path) -> None:
    path = tmp_path / "a.md"
    path.write_text("# Title\n\nwords", encoding="utf-8")
    assert list(file_rows(path)) == [Row(str(path), {"text": "# Title\n\nwords"})]


def test_squad_is_a_row_a_question(tmp_path: Path) -> None:
    qas = [{"id": "7", "question": "Who?", "answers": [{"text": "Ann", "answer_start": 0}]}]
    path = tmp_path / "q.json"
    path.write_text(json.dumps({"data": [{"title": "T", "paragraphs": [{"context": "Ann did.", "qas": qas}]}]}))
    (row,) = file_rows(path)
    assert row.place == f"{path} question 7"
    assert row.values == {**qas[0], "title": "T", "context": "Ann did."}


def test_a_folder_gives_its_readable_files_in_order_and_no_hidden_ones(tmp_path: Path) -> None:
    for name in ("b/two.md", "a.txt", ".git/config.txt", "b/.x.md", "c.png", "d.parquet.gz", "e.jsonl.xz"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("x")
    assert [f.relative_to(tmp_path).as_posix() for f in data_files(tmp_path)] == ["a.txt", "b/two.md", "e.jsonl.xz"]
    assert data_files(tmp_path / "c.png") == [tmp_path / "c.png"]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.jsonl", b'{"text": "x"}\n{"text": ', r"a\.jsonl:2 is not JSON: .*; each line must hold one object"),
        ("a.jsonl", b'{"text": "x"}\n[1]\n', r"a\.jsonl:2 holds a list, not an object with named fields"),
        ("a.json", b'{"text": "x"}\n{"text": "y"}', r"a\.json is not JSON: .*; one object a line goes into a \.jsonl"),
        ("a.json", b'{"text": "x"}', r"a\.json holds neither a list of objects nor questions in SQuAD's format"),
        ("a.json", b'{"data": [{"paragraphs": [{}]}]}', r"a\.json is not in SQuAD's format: KeyError\('qas'\)"),
        ("a.txt", b"\xff\xfe", r"a\.txt is not text in UTF-8 \(byte 0\); convert it"),
        ("a.jsonl.gz", b"no gzip", r"a\.jsonl\.gz cannot be read: .*; fetch it again"),
        ("a.jsonl.xz", lzma.compress(b"{}" * 99)[:60], r"a\.jsonl\.xz cannot be read: .*; fetch it again"),
        ("a.csv", b"a,b", r"files ending in '\.csv' are not read; these are: \.txt \.md \.jsonl \.json \.parquet"),
    ],
)
def test_a_file_that_cannot_be_read_is_named_with_the_row_and_the_remedy(
    name: str, content: bytes, message: str, tmp_path: Path
) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=message):
        list(file_rows(tmp_path / name))


def test_damaged_parquet_is_named(tmp_path: Path) -> None:
    pytest.importorskip("pyarrow")
    (tmp_path / "a.parquet").write_bytes(b"PAR1 and nothing more")
    with pytest.raises(DataError, match=r"a\.parquet is damaged after row 0: .*fetch it again"):
        list(file_rows(tmp_path / "a.parquet"))


def test_a_path_that_is_not_there_is_never_looked_up_in_the_hub(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no file or folder 'squad'; a data set of the hub is written hub:squad"):
        data_files(Path("squad"))
    (tmp_path / "a.png").write_text("")
    with pytest.raises(DataError, match=r"holds none of \.txt \.md"):
        data_files(tmp_path)


def test_hub_names_are_taken_apart() -> None:
    assert HubName.parse("hub:squad") == HubName("squad", None, "train")
    assert HubName.parse("hub:some/wiki@20231101.en:validation") == HubName("some/wiki", "20231101.en", "validation")
    with pytest.raises(DataError, match="names no data set; write hub:NAME"):
        HubName.parse("hub:")


def test_the_datasets_library_streams_a_local_folder(tmp_path: Path) -> None:
    pytest.importorskip("datasets")
    (tmp_path / "train.jsonl").write_text(LINES)
    rows = list(hub_rows(HubName(str(tmp_path), None, "train")))
    assert values(rows) == RECORDS
    assert rows[1].place == f"hub:{tmp_path}:train row 2"
    with pytest.raises(DataError, match=r"Bad split: test.*; write hub:NAME@CONFIG:SPLIT"):
        list(hub_rows(HubName(str(tmp_path), None, "test")))


def test_a_saved_folder_of_the_datasets_library_is_read(tmp_path: Path) -> None:
    datasets = pytest.importorskip("datasets")
    datasets.disable_progress_bars()
    saved = datasets.Dataset.from_list(RECORDS)
    saved.save_to_disk(tmp_path / "one")
    datasets.DatasetDict({"train": saved}).save_to_disk(tmp_path / "splits")
    datasets.DatasetDict({"test": saved}).save_to_disk(tmp_path / "other")
    for name in ("one", "splits"):
        (folder,) = data_files(tmp_path / name)
        assert values(file_rows(folder)) == RECORDS
    with pytest.raises(DataError, match="has the splits test and no train; name one of its folders"):
        list(file_rows(tmp_path / "other"))


@pytest.mark.parametrize(("module", "rows"), [("datasets", hub_rows), ("pyarrow", file_rows)])
def test_a_missing_library_is_named_with_its_remedy(
    module: str, rows: Callable[[Any], Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    (tmp_path / "a.parquet").write_bytes(b"")
    source = HubName("squad", None, "train") if rows is hub_rows else tmp_path / "a.parquet"
    with pytest.raises(
        DataError, match=rf"needs the package '{module}'; install it with `pip install 'studygpt\[datasets\]'`"
    ):
        list(rows(source))
