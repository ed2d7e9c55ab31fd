"""Before and after: the same held-out questions read by two models, and whether the second has got worse."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from gpt.checkpoint import Released
from gpt.evaluate import answer_text
from gpt.metrics import token_f1
from gpt.reader import Reader
from gpt.yardstick import HeldOut


@dataclass(frozen=True)
class Marks:
    """What a model gets for each of n questions. f1 (n,) in [0, 1]: with the passage that answers, the best span always
    given; told (n,): 1 where it answers over that passage and withholds over one that does not answer, 1/2 where it
    does one of the two."""

    f1: np.ndarray
    told: np.ndarray

    @property
    def points(self) -> np.ndarray:
        """(n,) in [0, 1]: the mean of both, so that neither reading nor abstaining can be sold for the other."""
        return (self.f1 + self.told) / 2


@dataclass(frozen=True)
class Verdict:
    """Percentages before and after, and the standard error of the mean difference over the same n questions."""

    n: int
    before: float
    after: float
    error: float
    f1_before: float
    f1_after: float

    @property
    def fell(self) -> bool:
        """Whether it is lower, and by more than the questions' own chance would explain."""
        return self.after < self.before - self.error


def read_held_out(released: Released, held_out: Sequence[HeldOut]) -> Marks:
    """Each question over its own passage and over the nearest wrong one, answered as they would be when served."""
    reader = Reader(released, batch_tokens=16384)
    right = reader.read_batch([(h.question.question, [h.question.context]) for h in held_out])
    wrong = reader.read_batch([(h.question.question, list(h.wrong[:1])) for h in held_out])
    f1 = [token_f1(answer_text(h.question, r), h.question.answers) for h, r in zip(held_out, right, strict=True)]
    given = np.array([r.answerable >= reader.threshold for r in right])
    withheld = np.array([r.answerable < reader.threshold for r in wrong])
    return Marks(np.array(f1), (given.astype(float) + withheld) / 2)


def compare(before: Marks, after: Marks) -> Verdict:
    """The verdict over one set of at least two questions."""
    difference = after.points - before.points
    n = len(difference)
    error = float(difference.std(ddof=1)) / math.sqrt(n)
    percent = [round(100 * float(x.mean()), 2) for x in (before.points, after.points, before.f1, after.f1)]
    return Verdict(n, percent[0], percent[1], round(100 * error, 2), percent[2], percent[3])
