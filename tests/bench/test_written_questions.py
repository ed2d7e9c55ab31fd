"""How the questions written for this project are answered that no training reads (tests/bench/written): about paragraphs of the
articles that the reader never read, and about notes of many forms. A third look answerable and are not.

STUDYGPT_BENCH_DATA=/data pytest -m bench tests/bench/test_written_questions.py -s       (STUDYGPT_MODEL for another reader)
"""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from gpt.config import recipe
from gpt.evaluate import evaluate_reader
from gpt.reader import Reader
from gpt.squad import Article, load_articles, save_articles
from gpt.written import as_paragraph, digest
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


@pytest.mark.bench
@pytest.mark.parametrize("name", ["squad", "notes"])
def test_written_questions_are_answered_or_declined(name: str, tmp_path: Path) -> None:
    rows = [json.loads(line) for line in (WRITTEN / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()]
    texts = texts_of_squad() if name == "squad" else {}
    shown = [row.get("text") or texts[row["digest"]] for row in rows]
    paragraphs = [as_paragraph(name, n, row, text) for n, (row, text) in enumerate(zip(rows, shown, strict=True))]
    file = tmp_path / "asked.json.xz"
    save_articles(file, [Article(row["title"], (p,)) for row, p in zip(rows, paragraphs, strict=True)])
    reader = Reader.load(Path(MODEL)) if MODEL else Reader.load()
    scores = evaluate_reader(reader, file)
    print(f"\n{name}: {json.dumps(scores)}", end="")  # noqa: T201
    assert scores["n"] == sum(len(p.questions) for p in paragraphs)
    assert scores["auroc"] > 0.5
