"""The yardstick: articles held out of the labelled training data, on which models are chosen and abstention is
calibrated. The dev files are only ever reported on."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from gpt.checkpoint import Released
from gpt.confidence import LogOdds, auroc
from gpt.config import Recipe
from gpt.counterfactual import counterfactual
from gpt.evaluate import score_readings
from gpt.mislead import mislead
from gpt.model import GPT
from gpt.reader import Reader, Reading
from gpt.reading import encode_piece
from gpt.reading_data import MAX_QUESTION_TOKENS, nearest_wrong, shared_idf
from gpt.relevance import Relevance
from gpt.squad import Article, SquadQuestion
from gpt.tokenizer import Tokenizer
from gpt.wordpool import Pool

Evidence = tuple[float, float, float]  # a span's (gpt.reader.Span)
N_PASSAGES = 8  # as many as are retrieved when serving
MAX_OF_MANY = 400  # questions, about, that are asked with N_PASSAGES to calibrate
UNCALIBRATED = {"slope": 1.0, "log_passages": 0.0, "intercept": 0.0, "threshold": 0.5}


def split_articles(articles: Sequence[Article], held_out: int) -> tuple[list[Article], list[Article]]:
    """(training, held out): articles evenly spaced through the file, the same at every call."""
    picked = {int(i) for i in np.linspace(0, len(articles) - 1, held_out).round()} if held_out else set()
    kept = [a for i, a in enumerate(articles) if i not in picked]
    return kept, [a for i, a in enumerate(articles) if i in picked]


@dataclass(frozen=True)
class Labelled:
    """A recipe's labelled articles: what every stage learns from, what is held out, and what stays so where `refit` reads
    the others, `added`, in the end."""

    training: list[Article]
    held_out: list[Article]
    added: list[Article]
    never_read: list[Article]

    @classmethod
    def of(cls, recipe: Recipe, articles: Sequence[Article]) -> Labelled:
        training, held_out = split_articles(articles, recipe.held_out_articles)
        added, never_read = split_articles(held_out, recipe.never_read) if recipe.refit else ([], held_out)
        return cls(training, held_out, added, never_read)


@dataclass(frozen=True)
class HeldOut:
    """A question with its own paragraph, the contexts of the nearest paragraphs that do not answer it, a question near it
    that its paragraph only seems to answer (gpt/mislead.py), and that paragraph altered so that it only seems to answer the
    question (gpt/counterfactual.py; None, both, when no rule made one)."""

    question: SquadQuestion
    wrong: tuple[str, ...]
    misleading: str | None = None
    altered: str | None = None

    @property
    def unanswerable(self) -> SquadQuestion:
        """The same question over the nearest wrong paragraph."""
        return self._over(self.wrong[0])

    @property
    def misled(self) -> SquadQuestion:
        """The misleading question over the paragraph."""
        return replace(self._over(self.question.context), question=self.misleading or "")

    @property
    def over_altered(self) -> SquadQuestion:
        """The same question over its altered paragraph."""
        return self._over(self.altered or "")

    def _over(self, context: str) -> SquadQuestion:
        return replace(self.question, context=context, answers=(), answer_starts=(), is_impossible=True)


@dataclass(frozen=True)
class Yardstick:
    """Held-out questions that are asked twice: with a passage that answers, and without one."""

    tokenizer: Tokenizer
    held_out: tuple[HeldOut, ...]

    @classmethod
    def build(cls, tokenizer: Tokenizer, articles: Sequence[Article], limit: int) -> Yardstick:
        """A fixed random sample of `limit` questions."""
        found: list[tuple[HeldOut, Pool]] = []
        for article in articles:
            pieces = [encode_piece(tokenizer, p.context) for p in article.paragraphs]
            asked = [q for p in article.paragraphs for q in p.questions if q.answers]
            questions = [encode_piece(tokenizer, q.question).cut(0, MAX_QUESTION_TOKENS) for q in asked]
            wrong = nearest_wrong(article, questions, pieces, N_PASSAGES)
            pool = Pool.of(p.context for p in article.paragraphs)
            for question, nearest in zip(asked, wrong, strict=True):
                contexts = tuple(article.paragraphs[i].context for i in nearest)
                found += [(HeldOut(question, contexts), pool)] if contexts else []
        picked = sorted(np.random.default_rng(0).permutation(len(found))[:limit])
        return cls(tokenizer, tuple(_with_what_misleads(*found[i]) for i in picked))

    def score(self, model: GPT, relevance: Relevance | None = None) -> dict[str, float]:
        """exact and f1 with the right paragraph; auroc of telling it from the nearest wrong one, auroc_altered of telling it
        from itself altered, and auroc_misleading of telling the question from the misleading one: these two by the best
        span's margin, the first, where passages differ, by its merit (gpt.reader.Span)."""
        questions = [h.question for h in self.held_out]
        right = self._read(model, questions, [[h.question.context] for h in self.held_out], relevance)
        scores = score_readings(questions, right, 0.0)
        for name, others, evidence in (
            ("auroc", [h.unanswerable for h in self.held_out], "merit"),
            ("auroc_misleading", [h.misled for h in self.held_out if h.misleading], "score"),
            ("auroc_altered", [h.over_altered for h in self.held_out if h.altered], "score"),
        ):
            readings = self._read(model, others, [[q.context] for q in others], relevance)
            told = [getattr(r.spans[0], evidence) if r.spans else -np.inf for r in (*right, *readings)]
            is_right = [True] * len(right) + [False] * len(readings)
            scores |= {name: round(auroc(told, is_right), 4)} if others else {}
        return scores

    def calibrate(self, model: GPT, relevance: Relevance | None = None) -> dict[str, float]:
        """What `Reader.probability` needs: log-odds for one passage, fitted on the right one against the nearest wrong
        ones and the misleading questions, as many of each; others for N_PASSAGES at once, with the right one and without: a
        quarter of these of its article, a quarter of others, as for a question whose subject is nowhere, and half with the
        right one, but asked the misleading question.

        The threshold is one half: withheld is what is more likely absent than present.
        """
        evidence = partial(self._evidence, model, relevance=relevance)
        questions = [h.question for h in self.held_out]
        misled = [h.misled for h in self.held_out if h.misleading]
        right = evidence(questions, [[h.question.context] for h in self.held_out])
        wrong = evidence(questions, [h.wrong[:1] for h in self.held_out])
        fooled = evidence(misled, [[q.context] for q in misled])
        alone = _fit(right, wrong[::2] + fooled[1::2], alone=True)
        some = self.held_out[:: max(1, len(self.held_out) // MAX_OF_MANY)]  # N_PASSAGES cost N_PASSAGES times as much
        questions = [h.question for h in some]
        with_it = evidence(questions, [(h.question.context, *h.wrong[: N_PASSAGES - 1]) for h in some])
        absent = [h.wrong for h in some]
        absent[1::4] = [other or near for other, near in zip(self._elsewhere(some[1::4]), absent[1::4], strict=True)]
        for i, h in enumerate(some):
            if i % 4 > 1 and h.misleading:
                questions[i], absent[i] = h.misled, (h.question.context, *h.wrong[: N_PASSAGES - 1])
        without = evidence(questions, absent)
        return between(alone, _fit(with_it, without)) | {"threshold": 0.5}

    def _elsewhere(self, asked: Sequence[HeldOut]) -> list[tuple[str, ...]]:
        """For each the N_PASSAGES contexts of other articles that share most with its question."""
        titles = {c: h.question.title for h in self.held_out for c in (h.question.context, *h.wrong)}
        contexts, articles = list(titles), np.array(list(titles.values()))
        questions = [encode_piece(self.tokenizer, h.question.question) for h in asked]
        shared = shared_idf(questions, [encode_piece(self.tokenizer, c) for c in contexts])
        return [
            tuple(contexts[i] for i in np.argsort(-row, kind="stable") if articles[i] != h.question.title)[:N_PASSAGES]
            for h, row in zip(asked, shared, strict=True)
        ]

    def _evidence(
        self,
        model: GPT,
        questions: Sequence[SquadQuestion],
        passages: Sequence[Sequence[str]],
        relevance: Relevance | None,
    ) -> list[Evidence]:
        return [r.spans[0].evidence for r in self._read(model, questions, passages, relevance) if r.spans]

    def _read(
        self,
        model: GPT,
        questions: Sequence[SquadQuestion],
        passages: Sequence[Sequence[str]],
        relevance: Relevance | None = None,
    ) -> list[Reading]:
        """Each question with its passages."""
        was_training = model.training
        released = Released("yardstick", model.eval(), self.tokenizer, UNCALIBRATED, {}, relevance)
        reader = Reader(released, batch_tokens=16384)
        readings = reader.read_batch([(q.question, p) for q, p in zip(questions, passages, strict=True)])
        model.train(was_training)
        return readings


def between(alone: LogOdds, many: LogOdds) -> dict[str, float]:
    """The terms of `Reader.probability` that give the log-odds `alone` for one passage and `many` for N_PASSAGES; between
    them all move with the log of the number."""
    by = 1 / np.log(N_PASSAGES)
    terms = {
        "slope": alone.slope,
        "slope_log_passages": (many.slope - alone.slope) * by,
        "spread": alone.spread,
        "spread_log_passages": (many.spread - alone.spread) * by,
        "relevance": alone.relevance,
        "relevance_log_passages": (many.relevance - alone.relevance) * by,
        "log_passages": (many.intercept - alone.intercept) * by,
        "intercept": alone.intercept,
    }
    return {name: round(float(value), 5) for name, value in terms.items()}


def _fit(answering: Sequence[Evidence], others: Sequence[Evidence], *, alone: bool = False) -> LogOdds:
    labels = [True] * len(answering) + [False] * len(others)
    return LogOdds.fit(np.array([*answering, *others]), labels, alone=alone)


def _with_what_misleads(held_out: HeldOut, pool: Pool) -> HeldOut:
    q = held_out.question
    rng, again = (random.Random(f"{name}{q.id}:{q.question}") for name in ("", "altered:"))
    start = q.answer_starts[0]
    altered = counterfactual(q.question, q.context, (start, start + len(q.answers[0])), pool, again)
    return replace(
        held_out,
        misleading=mislead(q.question, q.context, q.answers[0], pool, rng),
        altered=altered.context if altered else None,
    )
