"""Test sets in BEIR form: what is read, and how each malformed line is named."""

from __future__ import annotations

from pathlib import Path

import pytest

from rag.beir import load_beir
from rag.errors import MalformedFile

FILES = {
    "corpus.jsonl": '{"_id": "d1", "title": "Tea", "text": "Green."}\n{"_id": "d2", "title": "", "text": "Black."}\n',
    "queries.jsonl": '{"_id": "q1", "text": "green?"}\n\n{"_id": "q2", "text": "white?"}\n',
    "qrels.tsv": "query-id\tcorpus-id\tscore\nq1\td1\t2\nq1\td2\t0\nq2\td1\t0\nq9\td1\t1\n",
}


def write(folder: Path, **changes: str) -> Path:
    """The test set above in `folder`, with some files (corpus, queries, qrels) changed."""
    for name, text in FILES.items():
        (folder / name).write_text(changes.get(name.partition(".")[0], text), encoding="utf-8")
    return folder


def test_title_and_text_are_joined_and_queries_without_relevant_documents_left_out(tmp_path: Path) -> None:
    tests = load_beir(write(tmp_path))
    assert tests.corpus == {"d1": "Tea\n\nGreen.", "d2": "Black."}
    assert tests.queries == {"q1": "green?", "q2": "white?"}
    assert tests.qrels == {"q1": {"d1": 2, "d2": 0}}


def test_qrels_may_lie_where_beir_puts_them_and_have_no_header(tmp_path: Path) -> None:
    write(tmp_path)
    (tmp_path / "qrels.tsv").unlink()
    (tmp_path / "qrels").mkdir()
    (tmp_path / "qrels" / "test.tsv").write_text("q1\td2\t1\n", encoding="utf-8")
    assert load_beir(tmp_path).qrels == {"q1": {"d2": 1}}


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"corpus": "{}\n"}, r"corpus\.jsonl, line 1: not an object with the strings _id and text"),
        ({"corpus": FILES["corpus.jsonl"] + "[1]\n"}, r"corpus\.jsonl, line 3: not an object"),
        ({"corpus": '{"_id": 1, "text": "x"}\n'}, r"corpus\.jsonl, line 1: not an object"),
        ({"corpus": '{"_id": "1", "text": "x", "title": null}\n'}, r"corpus\.jsonl, line 1: title is None"),
        ({"queries": "\n{oops\n"}, r"queries\.jsonl, line 2: not JSON"),
        ({"qrels": "query-id\tcorpus-id\tscore\nq1 d1 1\n"}, r"qrels\.tsv, line 2: not query-id, corpus-id"),
        ({"qrels": "q1\td1\tmany\n"}, r"qrels\.tsv, line 1: not query-id, corpus-id"),
        ({"qrels": "q1\td1\t0\n"}, r"qrels\.tsv judges no document relevant"),
        ({"qrels": ""}, r"qrels\.tsv judges no document relevant"),
    ],
)
def test_a_malformed_file_is_named_with_its_line(tmp_path: Path, changes: dict[str, str], says: str) -> None:
    with pytest.raises(MalformedFile, match=says):
        load_beir(write(tmp_path, **changes))


def test_bytes_that_are_not_utf8_are_named_with_their_line(tmp_path: Path) -> None:
    write(tmp_path)
    (tmp_path / "queries.jsonl").write_bytes(b'{"_id": "q1", "text": "x"}\n\xff\n')
    with pytest.raises(MalformedFile, match=r"queries\.jsonl, line 2: not UTF-8"):
        load_beir(tmp_path)


def test_a_missing_file_or_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(MalformedFile, match="nowhere is not a folder"):
        load_beir(tmp_path / "nowhere")
    with pytest.raises(MalformedFile, match=r"cannot read .*corpus\.jsonl: No such file"):
        load_beir(tmp_path)
