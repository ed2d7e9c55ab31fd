"""The yardstick: articles held out of the labelled training data, on which models are chosen and abstention is
calibrated. The dev files are only ever reported on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from gpt.checkpoint import Released
from gpt.confidence import logistic_fit
from gpt.evaluate import score_readings
from gpt.model import GPT
from gpt.reader import Reader, Reading
from gpt.reading import encode_piece
from gpt.reading_data import MAX_QUESTION_TOKENS, nearest_wrong
from gpt.squad import Article, SquadQuestion
from gpt.tokenizer import Tokenizer

N_PASSAGES = 8  # as many as are retrieved when serving
_UNCALIBRATED = {"slope": 1.0, "log_passages": 0.0, "intercept": 0.0, "threshold": 0.5}


def split_articles(articles: Sequence[Article], held_out: int) -> tuple[list[Article], list[Article]]:
    """(training, held out): articles evenly spaced through the file, the same at every call."""
    picked = {int(i) for i in np.linspace(0, len(articles) - 1, held_out).round()} if held_out else set()
    kept = [a for i, a in enumerate(articles) if i not in picked]
    return kept, [a for i, a in enumerate(articles) if i in picked]


@dataclass(frozen=True)
class HeldOut:
    """A question with its own paragraph, and the contexts of the nearest paragraphs that do not answer it."""

    question: SquadQuestion
    wrong: tuple[str, ...]

    @property
    def unanswerable(self) -> SquadQuestion:
        """The same question over the nearest wrong paragraph."""
        return replace(self.question, context=self.wrong[0], answers=(), answer_starts=(), is_impossible=True)


@dataclass(frozen=True)
class Yardstick:
    """Held-out questions that are asked twice: with a passage that answers, and without one."""

    tokenizer: Tokenizer
    held_out: tuple[HeldOut, ...]

    @classmethod
    def build(cls, tokenizer: Tokenizer, articles: Sequence[Article], limit: int, seed: int = 0) -> Yardstick:
        """A fixed random sample of `limit` questions."""
        found: list[HeldOut] = []
        for article in articles:
            pieces = [encode_piece(tokenizer, p.context) for p in article.paragraphs]
            asked = [q for p in article.paragraphs for q in p.questions if q.answers]
            questions = [encode_piece(tokenizer, q.question).cut(0, MAX_QUESTION_TOKENS) for q in asked]
            wrong = nearest_wrong(article, questions, pieces, N_PASSAGES)
            for question, nearest in zip(asked, wrong, strict=True):
                contexts = tuple(article.paragraphs[i].context for i in nearest)
                found += [HeldOut(question, contexts)] if contexts else []
        picked = sorted(np.random.default_rng(seed).permutation(len(found))[:limit])
        return cls(tokenizer, tuple(found[i] for i in picked))

    def score(self, model: GPT) -> dict[str, float]:
        """exact and f1 with the right paragraph; auroc of telling it from the nearest wrong one."""
        right = self._read(model, [[h.question.context] for h in self.held_out])
        wrong = self._read(model, [h.wrong[:1] for h in self.held_out])
        questions = [h.question for h in self.held_out]
        scores = score_readings(questions, right, 0.0)
        both = score_readings([*questions, *(h.unanswerable for h in self.held_out)], [*right, *wrong], 0.5)
        return scores | {"auroc": both["auroc"]}

    def calibrate(self, model: GPT) -> dict[str, float]:
        """What `Reader.probability` needs, fitted on one passage and on N_PASSAGES at once, each time with and without
        the right one. The threshold is one half: withheld is what is more likely absent than present."""
        rows = [(h.question.context, *h.wrong[: N_PASSAGES - 1]) for h in self.held_out]
        without = [h.wrong for h in self.held_out]
        features, labels = [], []
        for passages, label in ((rows, True), (without, False)):
            for some in ([r[:1] for r in passages], passages):
                margins = [r.spans[0].score for r in self._read(model, some)]
                features += [(m, np.log(len(p))) for m, p in zip(margins, some, strict=True)]
                labels += [label] * len(some)
        slope, log_passages, intercept = logistic_fit(np.array(features), labels).round(5).tolist()
        return {"slope": slope, "log_passages": log_passages, "intercept": intercept, "threshold": 0.5}

    def _read(self, model: GPT, passages: Sequence[Sequence[str]]) -> list[Reading]:
        """Each held-out question with its passages."""
        was_training = model.training
        reader = Reader(Released("yardstick", model.eval(), self.tokenizer, _UNCALIBRATED, {}), batch_tokens=16384)
        readings = reader.read_batch([(h.question.question, p) for h, p in zip(self.held_out, passages, strict=True)])
        model.train(was_training)
        return readings
