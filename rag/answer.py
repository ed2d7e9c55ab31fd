"""From what the reader found to what is answered: the best span, trimmed, or nothing at all."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise

from rag.augment import Passage
from rag.closeness import N_SENTENCES, WEIGHT, Closeness, no_opinion, seconded, sentence_of
from rag.defining import IN_PLACE_WEIGHT, UNNAMED_WEIGHT, repeats, whole_definition, worth
from rag.ports import Reading, Span
from rag.types import Evidence

EVIDENCE_WEIGHT = 8.0  # nats for a passage's score of 1; F1 +3.2 on held-out articles, flat from 8 to 16 (docs/log.md)
CANDIDATES = 5  # spans, best first, of which one that says something is looked for
_OPENING = {"(": ")", "[": "]", "{": "}", "“": "”", "«": "»"}
_CLOSING = {closing: opening for opening, closing in _OPENING.items()}
_PAIRED = ("**", "__", "$$", "*", "_", "`", "$", '"')  # marks that open and close alike; longest first
_EMPHASIS = ("**", "__", "*", "_", "`")  # dropped even when balanced, if they enclose the whole answer
_LEADING = ",;:.!?)]}”»|>#•◦▪‣●"  # the last five are marks of lists
_TRAILING = ",;:([{“«|#"
_ABBREVIATION = re.compile(r"(^|[\s(])(\w+\.)?([^\W\d]\.)+$|\.\.\.$")  # "U.S.", "J.", "e.g.", "Ph.D.", "..."
_ITEM_OF_WORDS = re.compile(r"[-–—]\s+[^\W\d]")  # "- 3" may be a number
_PARAGRAPH_END = re.compile(r"\n[^\S\n]*\n")
_DUNDER = re.compile(r"__\w+__")  # a name in Python, not emphasis


@dataclass(frozen=True, slots=True)
class Claim:
    """An answer and the characters [start, end) of `evidence.text` it is made of; `"".join(pieces)` equals them."""

    evidence: Evidence
    start: int
    end: int
    pieces: tuple[str, ...]

    @property
    def text(self) -> str:
        """The answer, verbatim and never empty."""
        return self.evidence.text[self.start : self.end]


@dataclass(frozen=True, slots=True)
class Choice:
    """What would be answered, None if no span says anything, and the probability that the passages answer at all."""

    claim: Claim | None
    answerable: float


def choose(
    reading: Reading, passages: Sequence[Passage], asked_term: str | None = None, closeness: Closeness = no_opinion
) -> Choice:
    """The best span that still says something once trimmed.

    Best: by the reader's score and that of its passage, since both may err (as in BERTserini, Yang et al. 2019), and, of
    the foremost, by how close its sentence is to the question (rag/closeness.py), which also makes the whole more or less
    probable. A span over a paragraph's end gives way to one inside a paragraph: no answer begins in one thought and ends in
    another. Where it is asked what `asked_term` is, the place that the span stands at counts as well (rag/defining.py); one
    that begins to say it says it to the end; if the best only says the term again, nothing is answered.
    """
    ranked = sorted(((_merit(span, passages), span) for span in reading.spans), key=lambda one: -one[0])
    if asked_term is not None:
        ranked = _by_place(ranked, passages, asked_term)
    ranked, cosine = _by_closeness(ranked, passages, closeness)
    answerable = reading.answerable if cosine is None else seconded(reading.answerable, cosine)
    return Choice(_best_claim(ranked, passages, asked_term), answerable)


def _best_claim(ranked: list[tuple[float, Span]], passages: Sequence[Passage], asked_term: str | None) -> Claim | None:
    found = ((span, _claim(span, passages[span.passage], (span.start, span.end))) for _, span in ranked[:CANDIDATES])
    claims = [(span, claim) for span, claim in found if claim is not None]
    if not claims:
        return None
    span, best = next((one for one in claims if not _PARAGRAPH_END.search(one[1].text)), claims[0])
    if asked_term is None:
        return best
    if repeats(best.text, asked_term):  # in two cases of two what came next was no better
        return None
    passage = passages[span.passage]
    whole = _claim(span, passage, whole_definition(passage.text, *_trimmed(span, passage), asked_term))
    return best if whole is None or _PARAGRAPH_END.search(whole.text) else whole


def _merit(span: Span, passages: Sequence[Passage]) -> float:
    return span.score + EVIDENCE_WEIGHT * passages[span.passage].evidence.score


def _by_place(
    ranked: list[tuple[float, Span]], passages: Sequence[Passage], asked_term: str
) -> list[tuple[float, Span]]:
    """The spans with what their places are worth; those that could not become the best are left as they are."""
    least = ranked[0][0] - IN_PLACE_WEIGHT - UNNAMED_WEIGHT if ranked else 0.0
    near = [one for one in ranked if one[0] >= least]
    placed = [
        (merit + worth(passages[span.passage].text, *_trimmed(span, passages[span.passage]), asked_term), span)
        for merit, span in near
    ]
    return sorted(placed, key=lambda one: -one[0]) + ranked[len(near) :]


def _by_closeness(
    ranked: list[tuple[float, Span]], passages: Sequence[Passage], closeness: Closeness
) -> tuple[list[tuple[float, Span]], float | None]:
    """The spans, those before the one of the sentence behind the first N_SENTENCES in the order that closeness gives them;
    and the cosine of the first one's sentence, None where it is not known."""
    sentences: list[str] = []  # of each of the foremost spans
    for _, span in ranked:
        sentence = sentence_of(passages[span.passage].text, span.start, span.end)
        if sentence not in sentences and len(set(sentences)) == N_SENTENCES:
            break
        sentences.append(sentence)
    different = list(dict.fromkeys(sentences))
    cosines = closeness(different) if different else None
    if cosines is None:
        return ranked, None
    cosine_of = dict(zip(different, cosines, strict=True))
    weighed = [
        (merit + WEIGHT * cosine_of[sentence], span, cosine_of[sentence])
        for (merit, span), sentence in zip(ranked, sentences, strict=False)
    ]
    weighed.sort(key=lambda one: -one[0])
    return [*((merit, span) for merit, span, _ in weighed), *ranked[len(weighed) :]], weighed[0][2]


def _trimmed(span: Span, passage: Passage) -> tuple[int, int]:
    return trim(passage.text, span.start, span.end)


def _claim(span: Span, passage: Passage, said: tuple[int, int]) -> Claim | None:
    """What is `said`, the span or more around it, in the evidence's own characters; None when trimming leaves nothing."""
    passage.origin(span.start, span.end)
    start, end = trim(passage.text, *said)
    if not _says_something(passage.text[start:end]):
        return None
    end = _with_closing(passage.text, start, end)
    text, (first, last) = passage.evidence.text, _with_marks(passage.evidence.text, *passage.origin(start, end))
    ends = (span.start + length for length in accumulate(len(piece) for piece in span.pieces))
    cuts = [passage.origin(start, cut)[1] for cut in ends if start < cut < end]
    bounds = [first, *cuts, last]
    pieces = tuple(text[a:b] for a, b in pairwise(bounds) if a < b)
    return Claim(passage.evidence, first, last, pieces)


def trim(text: str, start: int, end: int) -> tuple[int, int]:
    """The range without white space, stray punctuation and half pairs of brackets, quotes or markup at its ends.

    Brackets and quotes whose partner stands in the range are kept; emphasis around the whole range is not.
    The range may come out empty (start == end).
    """
    while True:
        inner = text[start:end]
        left, right = _excess(inner)
        if left + right == 0:
            return start, end
        start, end = start + left, end - right
        if start >= end:
            return start, start


def _with_closing(text: str, start: int, end: int) -> int:
    """The end behind the bracket or quote that stands right after [start, end) and closes one that was opened inside it."""
    closing = text[end : end + 1]
    opening = _CLOSING.get(closing)
    return end + (opening is not None and text.count(opening, start, end) > text.count(closing, start, end))


def _with_marks(text: str, start: int, end: int) -> tuple[int, int]:
    """The range with the emphasis mark right before or behind it whose partner stands inside, as in "in the folder `.data"."""
    for mark in _EMPHASIS:
        if text.count(mark, start, end) % 2 == 0:
            continue
        if text.startswith(mark, end):
            return start, end + len(mark)
        if start >= len(mark) and text.endswith(mark, 0, start):
            return start - len(mark), end
    return start, end


def _says_something(text: str) -> bool:
    """Whether any character is more than punctuation and white space (Unicode's general categories P, Z and C)."""
    return any(unicodedata.category(character)[0] not in "PZC" for character in text)


def _excess(inner: str) -> tuple[int, int]:
    """How many characters the next step takes from the left and from the right; (0, 0) when nothing is amiss."""
    bare = inner.strip()
    if bare != inner:
        left = len(inner) - len(inner.lstrip())
        return left, len(inner) - left - len(bare)
    if not bare or _DUNDER.fullmatch(bare):
        return 0, 0
    for mark in _EMPHASIS:
        if len(bare) > 2 * len(mark) and bare.startswith(mark) and bare.endswith(mark) and bare.count(mark) == 2:
            return len(mark), len(mark)
    return (_stray_left(bare), 0) if _stray_left(bare) else (0, _stray_right(bare))


def _stray_left(bare: str) -> int:
    """The length of what does not belong at the left end: punctuation that closes, or opens and never closes."""
    first = bare[0]
    if first in _LEADING and not re.match(r"\.\w|#\w", bare):  # ".5" and "#include" begin with a sign of their own
        return 1
    if first in _OPENING and not _closes(bare):
        return 1
    if _ITEM_OF_WORDS.match(bare):
        return 1
    return _half_pair(bare, bare.startswith)


def _stray_right(bare: str) -> int:
    """The length of what does not belong at the right end."""
    last = bare[-1]
    if last in _TRAILING:
        return 1
    if last == "." and not _ABBREVIATION.search(bare):
        return 1
    if last in _CLOSING and bare.count(_CLOSING[last]) < bare.count(last):
        return 1
    return _half_pair(bare, bare.endswith)


def _closes(bare: str) -> bool:
    """Whether the bracket that `bare` begins with is closed inside it."""
    opening, closing, depth = bare[0], _OPENING[bare[0]], 0
    for character in bare:
        depth += (character == opening) - (character == closing)
        if depth == 0:
            return True
    return False


def _half_pair(bare: str, stands_at_end: Callable[[str], bool]) -> int:
    """The length of a mark at one end whose partner is missing."""
    for mark in _PAIRED:
        if stands_at_end(mark):
            return len(mark) if bare.count(mark) % 2 else 0
    return 0
