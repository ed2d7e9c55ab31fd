"""Retrieval test sets in BEIR form: a folder with corpus.jsonl, queries.jsonl and qrels.tsv (or qrels/test.tsv)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from rag.errors import MalformedFile

QRELS = ("qrels.tsv", "qrels/test.tsv")


@dataclass(frozen=True)
class TestSet:
    """Texts by document id, queries by query id, and for each judged query the relevance of its documents."""

    __test__ = False  # pytest takes classes of this name for tests

    corpus: dict[str, str]
    queries: dict[str, str]
    qrels: dict[str, dict[str, int]]


def load_beir(folder: Path) -> TestSet:
    """Queries without any relevant document are left out. Raises MalformedFile naming file and line."""
    if not folder.is_dir():
        raise MalformedFile(f"{folder} is not a folder; name one that holds corpus.jsonl, queries.jsonl and qrels.tsv")
    corpus = {
        row["_id"]: "\n\n".join(part for part in (row.get("title", ""), row["text"]) if part.strip())
        for row in _json_lines(folder / "corpus.jsonl")
    }
    queries = {row["_id"]: row["text"] for row in _json_lines(folder / "queries.jsonl")}
    path = next((folder / name for name in QRELS if (folder / name).is_file()), folder / QRELS[0])
    qrels = _qrels(path, queries)
    if not qrels:
        raise MalformedFile(f"{path} judges no document relevant to any query of {folder / 'queries.jsonl'}")
    return TestSet(corpus, queries, qrels)


def _json_lines(path: Path) -> Iterator[dict[str, str]]:
    """Each line's object, whose `_id` and `text` are strings."""
    for number, line in _lines(path):
        try:
            row = json.loads(line)
        except ValueError as error:
            raise MalformedFile(f"{path}, line {number}: not JSON ({error})") from error
        if not isinstance(row, dict) or not all(isinstance(row.get(key), str) for key in ("_id", "text")):
            raise MalformedFile(f"{path}, line {number}: not an object with the strings _id and text")
        if not isinstance(row.get("title", ""), str):
            raise MalformedFile(f"{path}, line {number}: title is {row['title']!r}, not a string")
        yield row


def _qrels(path: Path, queries: dict[str, str]) -> dict[str, dict[str, int]]:
    judged: dict[str, dict[str, int]] = {}
    for number, line in _lines(path):
        fields = line.split("\t")
        if number == 1 and fields[-1].strip() == "score":
            continue
        try:
            query_id, document_id, relevance = fields[0], fields[1], int(fields[2])
        except (IndexError, ValueError) as error:
            raise MalformedFile(f"{path}, line {number}: not query-id, corpus-id and a whole score, by tabs") from error
        if query_id in queries:
            judged.setdefault(query_id, {})[document_id] = relevance
    return {query_id: documents for query_id, documents in judged.items() if max(documents.values()) > 0}


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    """The numbered lines that hold something."""
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        line = path.read_bytes()[: error.start].count(b"\n") + 1
        raise MalformedFile(f"{path}, line {line}: not UTF-8") from error
    except OSError as error:
        raise MalformedFile(f"cannot read {path}: {error.strerror}") from error
    return ((number, line) for number, line in enumerate(text.split("\n"), 1) if line.strip())
