"""How captions without stops and capitals are read (gpt/spoken.py), beside the same articles as they were written, and what
the second opinion (rag/closeness.py) is worth there. The articles are those that the reader never read.

STUDYGPT_BENCH_DATA=/data pytest -m bench tests/bench/test_captions.py -s       (1,500 questions; N_QUESTIONS for others)
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from gpt.confidence import auroc
from gpt.config import recipe
from gpt.reader import Reader
from gpt.spoken import some_as_spoken
from gpt.squad import Article, load_articles
from gpt.yardstick import Labelled, Yardstick
from indexer.embed import SentenceTransformerEmbedder
from rag import closeness
from tests.bench.large_index import SHARED

DATA = Path(os.environ.get("STUDYGPT_BENCH_DATA") or SHARED)
N_QUESTIONS = int(os.environ.get("N_QUESTIONS") or 1500)
N_SECONDED = 400  # of them, each with its own paragraph and with the nearest wrong one


@pytest.fixture(scope="module")
def never_read() -> list[Article]:
    file = DATA / recipe("mini").qa_files[0]
    if not file.is_file():
        pytest.skip(f"no file {file}; name the folder that holds it as STUDYGPT_BENCH_DATA")
    return Labelled.of(recipe("mini"), load_articles(file)).never_read


def spoken(articles: list[Article]) -> list[Article]:
    return [some_as_spoken(article, 1.0) for article in articles]


@pytest.mark.bench
def test_captions_are_read_not_much_worse_than_prose(never_read: list[Article]) -> None:
    released = Reader.load().released
    scores = {}
    for name, articles in (("prose", never_read), ("captions", spoken(never_read))):
        scores[name] = Yardstick.build(released.tokenizer, articles, N_QUESTIONS).score(released.model)
        print(f"\n{name}: {scores[name]}", end="")  # noqa: T201
    assert scores["prose"]["f1"] - 12 < scores["captions"]["f1"] < scores["prose"]["f1"]


@pytest.mark.bench
def test_the_words_around_an_answer_tell_more_than_a_minute_of_speech(
    never_read: list[Article], monkeypatch: pytest.MonkeyPatch
) -> None:
    reader, embedder = Reader.load(), SentenceTransformerEmbedder()
    held_out = Yardstick.build(reader.released.tokenizer, spoken(never_read), N_SECONDED).held_out
    asked = [question for h in held_out for question in (h.question, h.unanswerable)]
    readings = reader.read_batch([(q.question, [q.context]) for q in asked])
    holds = np.array([bool(q.answers) for q in asked])
    questions = embedder.encode([q.question for q in asked])
    losses = {}
    for name, long in (("sentence", 10**9), ("words around", closeness.LONG)):
        monkeypatch.setattr(closeness, "LONG", long)
        near = embedder.encode(
            [
                closeness.sentence_of(q.context, r.spans[0].start, r.spans[0].end)
                for q, r in zip(asked, readings, strict=True)
            ]
        )
        cosines = (questions * near).sum(axis=1)
        p = np.array([closeness.seconded(r.answerable, float(c)) for r, c in zip(readings, cosines, strict=True)])
        losses[name] = float(-np.log(np.where(holds, p, 1 - p)).mean())
        answered = [f"{(p[holds == held] >= 0.5).mean():.0%}" for held in (True, False)]
        print(  # noqa: T201
            f"\n{name}: AUROC {auroc(p, holds):.3f}, log loss {losses[name]:.3f}, answered rightly {answered[0]},"
            f" wrongly {answered[1]}, of {len(asked)}",
            end="",
        )
    assert losses["words around"] < losses["sentence"]
