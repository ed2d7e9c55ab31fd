"""How good are retrieval and answers: the numbers behind `studygpt eval retrieval` and `studygpt eval answers`.

Both index into a data folder of their own that is gone afterwards; the user's is never touched.
"""

from __future__ import annotations

import math
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeVar, get_args

from gpt.confidence import auroc
from gpt.metrics import exact_match, normalize, token_f1
from gpt.squad import SquadQuestion, load_articles
from rag.assemble import Index, join, load_reader, open_index, plain
from rag.beir import TestSet, load_beir
from rag.errors import MalformedFile, QuestionTooLong
from rag.metrics import ndcg, quantile, recall, reciprocal_rank
from rag.pipeline import Pipeline
from rag.types import Answer, Question

T = TypeVar("T")
Mode = Literal["bm25", "dense", "hybrid"]
Progress = Callable[[str, int, int], None]
"""Called with what is being done, how much of it is done, and how much there is."""

CHUNKS_PER_DOCUMENT = 3  # searched for every document wanted, since a document may be found by several of its chunks
DEPTH = 100  # documents of a ranking
COLLECTION = "evaluation"


def _silent(stage: str, done: int, total: int) -> None:
    """Reports nothing."""


def evaluate_retrieval(
    folder: Path, *, limit: int | None = None, embedding_model: str | None = None, progress: Progress = _silent
) -> dict[str, dict[str, float]]:
    """nDCG@10, recall@100 and MRR@10 (fractions) of every retriever on a test set in BEIR form.

    A document counts as its best chunk. `limit` asks a fixed, even selection of that many queries. Raises MalformedFile.
    """
    tests = load_beir(folder)
    asked = evenly(sorted(tests.qrels), limit)
    with _empty_index(embedding_model) as index:
        names = add_texts(index, tests.corpus, progress)
        return {mode: _score(index, mode, tests, asked, names, progress) for mode in get_args(Mode)}


def _score(
    index: Index, mode: Mode, tests: TestSet, asked: Sequence[str], names: Mapping[str, str], progress: Progress
) -> dict[str, float]:
    """The means over the queries `asked`; `names` maps the index's document ids to the test set's."""
    rows = []
    for done, query_id in enumerate(asked, 1):
        hits = index.search(plain(tests.queries[query_id]), n=CHUNKS_PER_DOCUMENT * DEPTH, mode=mode).hits
        ranking = list(dict.fromkeys(names[hit.document_id] for hit in hits))
        judged = tests.qrels[query_id]
        rows.append((ndcg(ranking, judged, 10), recall(ranking, judged, DEPTH), reciprocal_rank(ranking, judged, 10)))
        progress(mode, done, len(asked))
    means = (round(_mean(column), 4) for column in zip(*rows, strict=True))
    return dict(zip(("ndcg@10", f"recall@{DEPTH}", "mrr@10"), means, strict=True))


def evaluate_answers(
    squad_file: Path,
    limit: int | None = None,
    *,
    model: Path | None = None,
    embedding_model: str | None = None,
    progress: Progress = _silent,
) -> dict[str, float | None]:
    """Every paragraph of a SQuAD-format file is indexed, then its questions are asked without telling which one.

    `limit` asks a fixed, even selection of that many questions. The numbers are those of `score_answers`.
    Raises gpt.errors.DataError or CheckpointError, MalformedFile when the file holds no question.
    """
    shown = [paragraph for article in load_articles(squad_file) for paragraph in article.paragraphs]
    questions = [question for paragraph in shown for question in paragraph.questions]
    if not questions:
        raise MalformedFile(f"{squad_file} holds no questions")
    reader = load_reader(model)
    paragraphs = dict.fromkeys(paragraph.context for paragraph in shown)
    with _empty_index(embedding_model) as index:
        names = add_texts(index, {text: text for text in paragraphs}, progress)
        pipeline = join(index, reader).pipeline
        return score_answers([*_ask(pipeline, evenly(questions, limit), progress)], names)


@dataclass(frozen=True)
class Asked:
    """A question and what came back."""

    question: SquadQuestion
    answer: Answer


def _ask(pipeline: Pipeline, questions: Sequence[SquadQuestion], progress: Progress) -> Iterable[Asked]:
    for done, question in enumerate(questions, 1):
        try:
            answer = pipeline.answer(Question(question.question))
        except QuestionTooLong:
            answer = _silence(question.question)
        yield Asked(question, answer)
        progress("ask", done, len(questions))


def _silence(question: str) -> Answer:
    """What counts for a question that the reader cannot take in: nothing was read, and nothing is said."""
    return Answer("", question, question, None, True, 0.0, False, (), (), "", 0, {})


def score_answers(asked: Sequence[Asked], paragraphs: Mapping[str, str]) -> dict[str, float | None]:
    """The numbers of `eval answers`; `paragraphs` maps document ids to their texts.

    exact, f1: per cent, as in SQuAD; an abstention is right where there is no answer and wrong elsewhere.
    recall@5: the share of answerable questions with a gold answer in one of the first five passages.
    citation_precision: the share of citations that lie in a paragraph that holds a gold answer to the question, as
    whole normalised words (as in Chen et al. 2017, arXiv:1704.00051); None without citations.
    auroc: how well the confidence tells evidence that holds a gold answer from evidence that does not; None when all
    evidence is alike. p50_ms, p95_ms: time of an answer. abstained: the share of questions not answered. too_long, if there
    are any: how many were too long for the reader, which count as not answered.
    """
    texts = ["" if one.answer.answer is None else one.answer.answer for one in asked]
    golds = [one.question.answers for one in asked]
    found = [[holds(evidence.text, one.question.answers) for evidence in one.answer.evidence] for one in asked]
    cited = [
        holds(paragraphs[citation.document_id], one.question.answers)
        for one in asked
        for citation in one.answer.citations
    ]
    answerable = [any(held[:5]) for held, gold in zip(found, golds, strict=True) if gold]
    separated = auroc([one.answer.confidence for one in asked], [any(held) for held in found])
    times_ms = [one.answer.timings_ms["total"] for one in asked if one.answer.timings_ms]
    too_long = len(asked) - len(times_ms)
    scores = {
        "n": len(asked),
        "exact": round(100 * _mean(exact_match(text, gold) for text, gold in zip(texts, golds, strict=True)), 2),
        "f1": round(100 * _mean(token_f1(text, gold) for text, gold in zip(texts, golds, strict=True)), 2),
        "recall@5": round(_mean(answerable), 4) if answerable else None,
        "citation_precision": round(_mean(cited), 4) if cited else None,
        "auroc": None if math.isnan(separated) else round(separated, 4),
        "p50_ms": round(quantile(times_ms, 0.5), 2) if times_ms else None,
        "p95_ms": round(quantile(times_ms, 0.95), 2) if times_ms else None,
        "abstained": round(_mean(one.answer.abstained for one in asked), 4),
    }
    return scores | ({"too_long": too_long} if too_long else {})


@contextmanager
def _empty_index(embedding_model: str | None) -> Iterator[Index]:
    """An index in a folder that is gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="studygpt-eval-") as data_dir:  # noqa: SIM117  # closed, then gone
        with open_index(Path(data_dir), embedding_model=embedding_model) as index:
            yield index


def add_texts(index: Index, texts: Mapping[str, str], progress: Progress) -> dict[str, str]:
    """Indexes the texts that are not blank, each as a document, and maps the index's document ids to their keys."""
    filled = [key for key, text in texts.items() if text.strip()]
    rows = [(f"{number:07d}", texts[key]) for number, key in enumerate(filled)]
    ids = index.add_texts(rows, collection=COLLECTION, progress=lambda at: progress("index", at.done, at.total))
    return dict(zip(ids, filled, strict=True))


def holds(text: str, answers: Sequence[str]) -> bool:
    """Whether any answer stands in the text, as whole words, once both are normalised as SQuAD's scripts do."""
    padded = f" {normalize(text)} "
    return any(f" {normalize(answer)} " in padded for answer in answers if normalize(answer))


def evenly(items: Sequence[T], limit: int | None) -> Sequence[T]:
    """`limit` items spread evenly over all of them (neighbours come from one article), or all."""
    if limit is None or limit >= len(items):
        return items
    return [items[i * len(items) // limit] for i in range(limit)]


def _mean(values: Iterable[float]) -> float:
    """The mean; 0 of nothing."""
    row = list(values)
    return sum(row) / len(row) if row else 0.0
