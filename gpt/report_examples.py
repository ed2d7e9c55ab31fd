"""What a trained model writes and answers, for its report: drawn by a fixed seed, none picked by hand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from gpt.confidence import Bin, calibration_error, equal_width_bins
from gpt.errors import DataError
from gpt.evaluate import answer_text
from gpt.metrics import exact_match, token_f1
from gpt.model import GPT
from gpt.reader import Reader, Reading
from gpt.sampling import SamplingParams, write
from gpt.squad import Article, SquadQuestion
from gpt.tokenizer import Tokenizer
from gpt.yardstick import Yardstick

BEGINNINGS = ("The history of", "In mathematics, a", "We propose a new method")
SAMPLING = SamplingParams(max_tokens=80, temperature=0.8, top_k=40)
N_QUESTIONS = 200
KINDS = {  # heading of a kind of outcome -> how many of it are shown
    "Right": 3,
    "Partly right": 2,
    "Wrong": 3,
    "In the passage, but withheld": 2,
    "Not in the passage, and declined": 2,
    "Not in the passage, but answered": 2,
}


@dataclass(frozen=True)
class Sample:
    """A beginning that was given and what the model wrote after it."""

    beginning: str
    written: str


@dataclass(frozen=True)
class Outcome:
    """A question over one passage; the best span is passage[start:end], withheld when `confidence` is too low.

    exact, f1 in [0, 1] of that span, withheld or not; `golds` is empty when the passage holds no answer.
    """

    question: str
    passage: str
    golds: tuple[str, ...]
    start: int
    end: int
    confidence: float
    withheld: bool
    exact: float
    f1: float

    @property
    def kind(self) -> str:
        """One of KINDS."""
        if not self.golds:
            return "Not in the passage, and declined" if self.withheld else "Not in the passage, but answered"
        if self.withheld:
            return "In the passage, but withheld"
        return "Right" if self.exact else "Partly right" if self.f1 else "Wrong"


@dataclass(frozen=True)
class Answers:
    """All outcomes of the sample, in random order."""

    outcomes: tuple[Outcome, ...]

    @property
    def shown(self) -> dict[str, list[Outcome]]:
        """The first few of each kind."""
        return {kind: [o for o in self.outcomes if o.kind == kind][:n] for kind, n in KINDS.items()}

    def count(self, kind: str) -> int:
        return sum(o.kind == kind for o in self.outcomes)

    @property
    def bins(self) -> list[Bin]:
        """Confidence against the share of passages that held an answer."""
        return equal_width_bins([o.confidence for o in self.outcomes], [bool(o.golds) for o in self.outcomes])

    @property
    def calibration_error(self) -> float:
        return calibration_error(self.bins)


def write_samples(model: GPT, tokenizer: Tokenizer) -> tuple[Sample, ...]:
    """What the model goes on with after each of BEGINNINGS."""
    drawn = ((b, write(model, tokenizer, b, replace(SAMPLING, seed=i))) for i, b in enumerate(BEGINNINGS))
    return tuple(Sample(beginning, "".join(pieces)) for beginning, pieces in drawn)


def ask_questions(reader: Reader, articles: Sequence[Article]) -> Answers:
    """A random sample of N_QUESTIONS of the articles' questions, each asked over its own paragraph and over the nearest
    wrong one.

    Raises DataError when there is none.
    """
    held_out = Yardstick.build(reader.released.tokenizer, articles, N_QUESTIONS).held_out
    if not held_out:
        raise DataError("the recipe holds out no questions; raise its held_out_articles")
    asked = [question for h in held_out for question in (h.question, h.unanswerable)]
    readings = reader.read_batch([(q.question, [q.context]) for q in asked])
    order = np.random.default_rng(0).permutation(len(asked))
    return Answers(tuple(_outcome(asked[i], readings[i], reader.threshold) for i in order))


def _outcome(question: SquadQuestion, reading: Reading, threshold: float) -> Outcome:
    answer, golds = answer_text(question, reading), question.answers
    span = reading.spans[0] if reading.spans else None
    outcome = Outcome(
        question.question, question.context, golds, 0, 0, reading.answerable, reading.answerable < threshold, 0.0, 0.0
    )
    if span is not None:
        outcome = replace(outcome, start=span.start, end=span.end)
    return replace(outcome, exact=exact_match(answer, golds), f1=token_f1(answer, golds)) if golds else outcome
