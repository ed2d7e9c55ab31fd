"""The yardstick: articles held out of the labelled training data, on which models are chosen and abstention is
calibrated. The dev files are only ever reported on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from gpt.checkpoint import Released
from gpt.evaluate import platt, score_readings
from gpt.model import GPT
from gpt.reader import Reader, Reading
from gpt.reading import encode_piece
from gpt.reading_data import MAX_QUESTION_TOKENS, nearest_wrong
from gpt.squad import Article, SquadQuestion
from gpt.tokenizer import Tokenizer

_UNCALIBRATED = {"slope": 1.0, "intercept": 0.0, "threshold": 0.5}


def split_articles(articles: Sequence[Article], held_out: int) -> tuple[list[Article], list[Article]]:
    """(training, held out): articles evenly spaced through the file, the same at every call."""
    picked = {int(i) for i in np.linspace(0, len(articles) - 1, held_out).round()} if held_out else set()
    kept = [a for i, a in enumerate(articles) if i not in picked]
    return kept, [a for i, a in enumerate(articles) if i in picked]


@dataclass(frozen=True)
class Yardstick:
    """Held-out questions, half with their own paragraph and half with the nearest one that does not answer."""

    tokenizer: Tokenizer
    answerable: tuple[SquadQuestion, ...]
    unanswerable: tuple[SquadQuestion, ...]

    @classmethod
    def build(cls, tokenizer: Tokenizer, articles: Sequence[Article], limit: int, seed: int = 0) -> Yardstick:
        """A fixed random sample of `limit` of each kind."""
        right: list[SquadQuestion] = []
        wrong: list[SquadQuestion] = []
        for article in articles:
            pieces = [encode_piece(tokenizer, p.context) for p in article.paragraphs]
            asked = [q for p in article.paragraphs for q in p.questions if q.answers]
            questions = [encode_piece(tokenizer, q.question).cut(0, MAX_QUESTION_TOKENS) for q in asked]
            right += asked
            for q, negatives in zip(asked, nearest_wrong(article, questions, pieces), strict=True):
                if negatives:
                    context = article.paragraphs[negatives[0]].context
                    wrong.append(replace(q, context=context, answers=(), answer_starts=(), is_impossible=True))
        rng = np.random.default_rng(seed)
        sample = [tuple(pool[i] for i in sorted(rng.permutation(len(pool))[:limit])) for pool in (right, wrong)]
        return cls(tokenizer, sample[0], sample[1])

    def score(self, model: GPT) -> dict[str, float]:
        """exact and f1 on the answerable questions, auroc of telling the two kinds apart."""
        right, wrong = self._readings(model)
        scores = score_readings(self.answerable, right, 0.0)
        both = score_readings([*self.answerable, *self.unanswerable], [*right, *wrong], 0.5)
        return scores | {"auroc": both["auroc"]}

    def calibrate(self, model: GPT) -> dict[str, float]:
        """Slope and intercept of the abstention's probability, and the threshold with the best F1 over both kinds."""
        right, wrong = self._readings(model)
        margins = [r.spans[0].score for r in (*right, *wrong)]
        slope, intercept = platt(margins, [True] * len(right) + [False] * len(wrong))
        questions = [*self.answerable, *self.unanswerable]
        probability = [1 / (1 + np.exp(-(slope * m + intercept))) for m in margins]
        readings = [replace(r, answerable=float(p)) for r, p in zip([*right, *wrong], probability, strict=True)]
        grid = [round(0.05 * i, 2) for i in range(2, 18)]
        threshold = max(grid, key=lambda t: score_readings(questions, readings, t)["f1"])
        return {"slope": round(slope, 5), "intercept": round(intercept, 5), "threshold": threshold}

    def _readings(self, model: GPT) -> tuple[list[Reading], list[Reading]]:
        was_training = model.training
        reader = Reader(Released("yardstick", model.eval(), self.tokenizer, _UNCALIBRATED, {}), batch_tokens=16384)
        result = [
            reader.read_batch([(q.question, [q.context]) for q in kind])
            for kind in (self.answerable, self.unanswerable)
        ]
        model.train(was_training)
        return result[0], result[1]
