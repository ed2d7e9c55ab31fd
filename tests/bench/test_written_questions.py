"""How the questions written for this project are answered that no training reads (tests/bench/written): about paragraphs of
the articles that the reader never read, about notes of many forms, and about folders of eight notes on one subject, of which one
answers; notes are also asked over all notes. A third of the questions look answerable and are not.

STUDYGPT_BENCH_DATA=/data pytest -m bench tests/bench/test_written_questions.py -s       (STUDYGPT_MODEL for another reader)
"""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path

import pytest

from gpt.config import recipe
from gpt.evaluate import evaluate_reader
from gpt.reader import Reader
from gpt.squad import Article, load_articles, save_articles
from gpt.written import as_paragraph, digest, written_articles
from rag.evaluate import evaluate_answers
from tests.bench.large_index import SHARED

DATA = Path(os.environ.get("STUDYGPT_BENCH_DATA") or SHARED)
WRITTEN = Path(__file__).parent / "written"
MODEL = os.environ.get("STUDYGPT_MODEL")


def texts_of_squad() -> dict[str, str]:
    """The paragraphs of the training file by their digests."""
    file = DATA / recipe("mini").qa_files[0]
    if not file.is_file():
        pytest.skip(f"no file {file}; name the folder that holds it as STUDYGPT_BENCH_DATA")
    return {digest(p.context): p.context for article in load_articles(file) for p in article.paragraphs}


def asked(name: str) -> list[Article]:
    rows = [json.loads(line) for line in (WRITTEN / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()]
    texts = texts_of_squad() if name == "squad" else {}
    shown = [row.get("text") or texts[row["digest"]] for row in rows]
    paragraphs = [as_paragraph(name, n, row, text) for n, (row, text) in enumerate(zip(rows, shown, strict=True))]
    return [Article(row["title"], (p,)) for row, p in zip(rows, paragraphs, strict=True)]


@pytest.mark.bench
@pytest.mark.parametrize(("name", "told"), [("squad", 0.7), ("notes", 0.7), ("folders", 0.6)])
def test_written_questions_are_answered_or_declined(name: str, told: float, tmp_path: Path) -> None:
    articles, file = asked(name), tmp_path / "asked.json.xz"
    save_articles(file, articles)
    reader = Reader.load(Path(MODEL)) if MODEL else Reader.load()
    scores = evaluate_reader(reader, file)
    print(f"\n{name}: {json.dumps(scores)}", end="")  # noqa: T201
    assert scores["n"] == sum(len(p.questions) for article in articles for p in article.paragraphs)
    assert scores["auroc"] > told


@pytest.mark.bench
@pytest.mark.parametrize(("name", "right"), [("notes", 0.6), ("folders", 0.5)])
def test_notes_are_found_and_answered_from_among_others(name: str, right: float, tmp_path: Path) -> None:
    """The whole path: the questions are asked over these notes and all that the reader learnt from."""
    others = [p for article in written_articles(tmp_path) for p in article.paragraphs]
    beside = Article("others", tuple(replace(p, questions=()) for p in others))
    save_articles(tmp_path / "asked.json.xz", [*asked(name), beside])
    scores = evaluate_answers(tmp_path / "asked.json.xz", model=Path(MODEL) if MODEL else None)
    print(f"\n{name}, over {len(others)} other notes: {json.dumps(scores)}", end="")  # noqa: T201
    assert scores["citation_precision"] is not None
    assert scores["citation_precision"] > right
