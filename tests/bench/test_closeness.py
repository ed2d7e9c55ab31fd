"""What the second opinion (rag/closeness.py) is worth, on questions about articles that the reader never read, and the fit
that its numbers come from.

STUDYGPT_BENCH_DATA=/data pytest -m bench tests/bench/test_closeness.py -s       (200 questions, N_QUESTIONS for more)

Each question is asked over all paragraphs of those articles among others; of every two, one also where no passage holds
its answer, and of every four, one where its article is missing.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

import rag.answer
from gpt.confidence import auroc, logistic_fit
from gpt.config import recipe
from gpt.metrics import token_f1
from gpt.squad import Article, SquadQuestion, load_articles
from gpt.yardstick import Labelled
from indexer.types import Filter
from rag.assemble import Index, load_reader, open_index
from rag.closeness import seconded
from rag.evaluate import add_texts, evenly, holds
from rag.pipeline import Pipeline
from rag.ports import Retrieved
from rag.retrieve import IndexRetriever
from rag.types import Answer, Question
from tests.bench.large_index import SHARED

DATA = Path(os.environ.get("STUDYGPT_BENCH_DATA") or SHARED)
N_QUESTIONS = int(os.environ.get("N_QUESTIONS") or 200)
N_OTHERS = 60  # articles that nothing is asked about


class Hiding(IndexRetriever):
    """Finds no passage that holds one of the answers `hidden`, and knows closeness only if it `speaks`."""

    def __init__(self, index: Index, hidden: Sequence[str], *, speaks: bool) -> None:
        super().__init__(index)
        self._hidden, self._speaks = hidden, speaks

    def retrieve(self, query: str, *, n_evidence: int, filter: Filter) -> Retrieved:
        found = super().retrieve(query, n_evidence=(3 if self._hidden else 1) * n_evidence, filter=filter)
        return replace(found, evidence=tuple(e for e in found.evidence if not holds(e.text, self._hidden))[:n_evidence])

    def closeness(self, question: str, sentences: Sequence[str]) -> Sequence[float] | None:
        return super().closeness(question, sentences) if self._speaks else None


@dataclass(frozen=True)
class Row:
    """One question over one set of passages: answered alone and with the second opinion, what both opinions were, whether the
    passages hold an answer."""

    question: SquadQuestion
    kind: str
    alone: Answer
    both: Answer
    opinions: tuple[float, float]

    @property
    def held(self) -> bool:
        return any(holds(evidence.text, self.question.answers) for evidence in self.both.evidence)

    def f1(self, answer: Answer) -> float:
        """Declining is right where no passage holds an answer."""
        return (
            float(not self.held)
            if answer.answer is None
            else self.held * token_f1(answer.answer, self.question.answers)
        )


@contextmanager
def _indexed(folder: Path, articles: Sequence[Article]) -> Iterator[Index]:
    with open_index(folder) as index:
        paragraphs = dict.fromkeys(p.context for article in articles for p in article.paragraphs)
        add_texts(index, {text: text for text in paragraphs}, lambda *_: None)
        yield index


def _rows(
    whole: Index, others: Index, questions: Sequence[SquadQuestion], seen: list[tuple[float, float]]
) -> Iterator[Row]:
    reader = load_reader()
    for n, question in enumerate(questions):
        kinds = ["found", *(["removed"] if n % 2 == 0 else []), *(["missing"] if n % 4 == 0 else [])]
        for kind in kinds:
            index, hidden = others if kind == "missing" else whole, question.answers if kind == "removed" else ()
            alone, both = (
                Pipeline(Hiding(index, hidden, speaks=speaks), reader).answer(Question(question.question))
                for speaks in (False, True)
            )
            yield Row(question, kind, alone, both, seen[-1])


@pytest.mark.bench
def test_the_second_opinion_tells_better_and_chooses_no_worse(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = DATA / recipe("mini").qa_files[0]
    if not file.is_file():
        pytest.skip(f"no file {file}; name the folder that holds it as STUDYGPT_BENCH_DATA")
    parts = Labelled.of(recipe("mini"), load_articles(file))
    others = list(evenly(parts.training, N_OTHERS))
    questions = evenly(
        [q for a in parts.never_read for p in a.paragraphs for q in p.questions if q.answers], N_QUESTIONS
    )
    seen: list[tuple[float, float]] = []

    def recorded(answerable: float, cosine: float) -> float:
        seen.append((answerable, cosine))
        return seconded(answerable, cosine)

    monkeypatch.setattr(rag.answer, "seconded", recorded)
    with (
        _indexed(tmp_path / "whole", [*others, *parts.never_read]) as whole,
        _indexed(tmp_path / "others", others) as few,
    ):
        rows = list(_rows(whole, few, questions, seen))
    held = np.array([row.held for row in rows])
    told, scored = {}, {}
    for name in ("alone", "both"):
        answers = [getattr(row, name) for row in rows]
        p = np.clip([answer.confidence for answer in answers], 1e-6, 1 - 1e-6)
        f1 = np.array([row.f1(answer) for row, answer in zip(rows, answers, strict=True)])
        told[name], scored[name] = auroc(p, held), f1.mean()
        loss = -np.log(np.where(held, p, 1 - p)).mean()
        print(f"\n  {name}: AUROC {told[name]:.3f}, log loss {loss:.3f}, F1 {scored[name]:.3f}")  # noqa: T201
        for kind in ("found", "removed", "missing"):
            of_kind = np.array([row.kind == kind for row in rows])
            answered = np.mean([not answer.abstained for answer, its in zip(answers, of_kind, strict=True) if its])
            print(f"    {kind}: F1 {f1[of_kind].mean():.3f}, answered {answered:.2f}")  # noqa: T201
    opinions = np.array([row.opinions for row in rows])
    p = np.clip(opinions[:, 0], 1e-6, 1 - 1e-6)
    fit = logistic_fit(np.column_stack([np.log(p / (1 - p)), opinions[:, 1]]), held)
    print(f"  {len(rows)} askings; fit: reader {fit[0]:.2f}, cosine {fit[1]:.2f}, neither {fit[2]:.2f}")  # noqa: T201
    assert told["both"] > told["alone"]
    assert scored["both"] > scored["alone"]
