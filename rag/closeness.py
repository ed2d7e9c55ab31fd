"""A second opinion on what the reader found: how close the sentence of an answer is to the question.

The reader was trained on one kind of text and errs with assurance on others. The embedding model that found the passages
was trained on other texts for another task, so that the two rarely err alike: what a sentence is about is no news to a
search, which compared whole passages, but it is to the reader.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence

from gpt.sentences import sentence_spans

# Cosines of the question and of each sentence, or None where the embedding model's are not known to mean the same.
Closeness = Callable[[Sequence[str]], Sequence[float] | None]

MEASURED_WITH = "all-MiniLM-L6-v2"  # whose cosines the numbers below are for
N_SENTENCES = 3  # that are compared with the question; more change nothing (docs/log.md)
WEIGHT = 6.0  # nats for a cosine of 1; F1 alike from 6 to 10 (docs/log.md)
# From a logistic fit of whether the passages hold an answer, on questions about articles that the reader never read, misleading
# ones among them: log-odds = READER * the reader's log-odds + CLOSE * cosine + NEITHER (docs/log.md).
READER, CLOSE, NEITHER = 0.8, 3.0, -1.7
LONG = 60  # words; what is longer is no sentence but speech or a list without stops
AROUND = 20  # words before and behind an answer that stand for its sentence there (docs/log.md)
_WORD = re.compile(r"\S+")
_CERTAIN = 1e-9  # a probability is kept this far from 0 and 1


def no_opinion(sentences: Sequence[str]) -> None:
    """The closeness of sentences where none is known."""


def sentence_of(text: str, start: int, end: int) -> str:
    """The sentences of `text` that [start, end) touches; with the one before them if that asks what they answer. Of what is
    too long to be a sentence, as captions have it, the words around [start, end)."""
    spans = sentence_spans(text)
    touched = [n for n, (a, b) in enumerate(spans) if a < end and b > start]
    if not touched:
        return text
    first = touched[0]
    asked = first > 0 and text[spans[first - 1][1] - 1] == "?"
    begin, behind = spans[first][0], spans[touched[-1]][1]
    words = [m.span() for m in _WORD.finditer(text, begin, behind)]
    inside = [n for n, (a, b) in enumerate(words) if a < end and b > start]
    if len(words) <= LONG or not inside:
        return text[spans[first - asked][0] : behind]
    around = text[words[max(0, inside[0] - AROUND)][0] : words[min(inside[-1] + AROUND, len(words) - 1)][1]]
    return text[slice(*spans[first - 1])] + " " + around if asked else around


def seconded(answerable: float, cosine: float) -> float:
    """The probability that the passages answer, given the reader's and how close the answer's sentence is to the question."""
    p = min(max(answerable, _CERTAIN), 1 - _CERTAIN)
    log_odds = READER * math.log(p / (1 - p)) + CLOSE * cosine + NEITHER
    return 1 / (1 + math.exp(-log_odds))
