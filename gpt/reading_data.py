"""Labelled questions -> encoded examples, each with what makes it unanswerable on purpose.

Four things do: another paragraph of the same article, one that shares much with the question and does not hold the answer
(what a retriever that failed would have brought); another question, a few words away, that its own paragraph only
seems to answer (gpt/mislead.py); one that came with the paragraph and has no answer there; and the paragraph altered, so that it
tells of something else (gpt/counterfactual.py).
"""

from __future__ import annotations

import multiprocessing
import os
import random
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from itertools import islice

import numpy as np
import scipy.sparse as sp

from gpt.counterfactual import counterfactual
from gpt.errors import DataError
from gpt.markup import some_as_notes
from gpt.mislead import mislead
from gpt.reading import Piece, encode_piece
from gpt.spoken import in_haste, some_as_spoken
from gpt.squad import Article, Paragraph, SquadQuestion, whole_words
from gpt.tokenizer import Tokenizer
from gpt.wordpool import Company, Pool, company

MAX_QUESTION_TOKENS = 64
N_NEGATIVES = 4
N_MISLEADING = 2  # of each question, at most; a pass takes one of them
N_ALTERED = 2  # likewise
ALTERED_TRIES = 7  # of which those are kept first whose word still stands elsewhere in the paragraph (docs/log.md)
ALTERED_BESIDE = 0.9  # see gpt/counterfactual.py
MAX_OCCURRENCES = 8
MAX_WORKERS = 16
WORTH_WORKERS = 3000  # questions; fewer take a few seconds in one process
OCCURRENCE_REACH = 12.0  # tokens: a word of the question counts e^-1 at this distance from the answer


@dataclass(frozen=True)
class Styles:
    """Shares of the paragraphs that are shown as notes (gpt/markup.py) and as captions (gpt/spoken.py) hold them."""

    notes: float = 0.0
    spoken: float = 0.0

    def of(self, article: Article) -> tuple[Article, list[bool]]:
        """The article as it is shown, and which of its paragraphs are as captions hold them; the same at every call."""
        noted, heard = some_as_notes(article, self.notes), some_as_spoken(article, self.spoken)
        is_spoken = [h is not p for h, p in zip(heard.paragraphs, article.paragraphs, strict=True)]
        shown = zip(heard.paragraphs, noted.paragraphs, is_spoken, strict=True)
        return replace(article, paragraphs=tuple(h if spoken else n for h, n, spoken in shown)), is_spoken


PLAIN = Styles()


@dataclass(frozen=True)
class Altered:
    """A paragraph altered in a word of a question, which it no longer answers: `context`, of `length` tokens. Tokens
    [start, end] of it answer `question`, that one with the same alteration."""

    question: Piece
    context: str
    length: int
    start: int
    end: int


@dataclass(frozen=True)
class Example:
    """A question, the paragraph that answers it at tokens [start, end], paragraphs that do not, nearest first,
    questions like it that the paragraph does not answer, and the paragraph altered so that it does not. `is_labelled`: these
    questions came with the paragraph, and were not made by rule."""

    question: Piece
    paragraph: int
    start: int
    end: int
    negatives: tuple[int, ...]
    misleading: tuple[Piece, ...] = ()
    altered: tuple[Altered, ...] = ()
    is_labelled: bool = False

    def moved(self, first: int) -> Example:
        """The example where the paragraphs are counted from `first`."""
        return replace(self, paragraph=first + self.paragraph, negatives=tuple(first + n for n in self.negatives))


@dataclass(frozen=True)
class ReadingData:
    """Every example of a set of articles; paragraphs are shared. The last `n_recurring` examples ask for recurring spans."""

    tokenizer: Tokenizer
    paragraphs: tuple[Piece, ...]
    examples: tuple[Example, ...]
    n_recurring: int = 0

    @classmethod
    def build(
        cls,
        tokenizer: Tokenizer,
        articles: Sequence[Article],
        n_misleading: int = 0,
        recurring: Sequence[Article] = (),
        styles: Styles = PLAIN,
        n_altered: int = 0,
    ) -> ReadingData:
        """Questions whose answer does not lie on tokens of its paragraph are left out. Up to `n_misleading` questions
        that mislead are made of each, and up to `n_altered` paragraphs, those in captions' style excepted. Questions that came
        without an answer are dealt out to those that their paragraph answers, and take the place of what would be made of
        these. `recurring` articles come last. Whether a passage holds an answer is told by its plain words."""
        twisted = n_misleading or n_altered
        known = company(p.context for article in articles for p in article.paragraphs) if twisted else {}
        make = _OfArticle(tokenizer, n_misleading, n_altered, known, styles)
        paragraphs: list[Piece] = []
        examples: list[Example] = []
        n_recurring = 0
        for n, (pieces, own) in enumerate(_each(make, [*articles, *recurring]), 1):
            examples += [e.moved(len(paragraphs)) for e in own]
            paragraphs += pieces
            n_recurring += len(own) if n > len(articles) else 0
        if not examples:
            raise DataError("the question files hold no answerable question")
        return cls(tokenizer, tuple(paragraphs), tuple(examples), n_recurring)

    def joined(self, other: ReadingData, times: int) -> ReadingData:
        """These examples and those of `other` that ask for no recurring span, each of them `times` over."""
        more = [e.moved(len(self.paragraphs)) for e in other.examples[: len(other.examples) - other.n_recurring]]
        at = len(self.examples) - self.n_recurring
        examples = (*self.examples[:at], *more * times, *self.examples[at:])
        return replace(self, paragraphs=(*self.paragraphs, *other.paragraphs), examples=examples)


@dataclass(frozen=True)
class _OfArticle:
    """Called with an article: its paragraphs as they are shown, and its examples, whose paragraphs are counted from its
    first. How many misleading questions and altered paragraphs are made of a question, and the company that words keep."""

    tokenizer: Tokenizer
    n_misleading: int
    n_altered: int
    known: Company
    styles: Styles

    def __call__(self, article: Article) -> tuple[list[Piece], list[Example]]:
        tokenizer = self.tokenizer
        shown, is_spoken = self.styles.of(article)
        pieces = [encode_piece(tokenizer, p.context) for p in shown.paragraphs]
        twisted = self.n_misleading or self.n_altered
        pool = Pool.of((p.context for p in article.paragraphs), self.known) if twisted else None
        asked, seen = (
            [(i, q) for i, p in enumerate(a.paragraphs) for q in p.questions if q.answers] for a in (article, shown)
        )
        questions = [encode_piece(tokenizer, q.question).cut(0, MAX_QUESTION_TOKENS) for _, q in seen]
        dealt = [_dealt(tokenizer, p) for p in shown.paragraphs]
        examples = []
        wrongs = nearest_wrong(article, questions, pieces)
        for (i, q), (_, as_shown), question, wrong in zip(asked, seen, questions, wrongs, strict=True):
            tokens = _answer_tokens(as_shown, question, pieces[i])
            unanswered = next(dealt[i])
            if len(tokens) and unanswered:
                at = int(tokens[0]), int(tokens[-1])
                examples.append(Example(question, i, *at, tuple(wrong), unanswered, is_labelled=True))
            elif len(tokens):
                is_hasty = as_shown.question != q.question
                twins = _misleading(tokenizer, q, pool, self.n_misleading, is_hasty) if pool else ()
                place = as_shown.context.find(q.answers[0], int(pieces[i].offsets[tokens[0]]))
                n_altered = 0 if is_spoken[i] else self.n_altered  # a capital letter would give the altered word away
                altered = _altered(tokenizer, as_shown, place, pool, n_altered) if pool else ()
                examples.append(Example(question, i, int(tokens[0]), int(tokens[-1]), tuple(wrong), twins, altered))
        return pieces, examples


_make: _OfArticle | None = None  # in a worker, what it calls


def _each(make: _OfArticle, articles: Sequence[Article]) -> Iterator[tuple[list[Piece], list[Example]]]:
    """What `make` makes of each article, in order; of many questions on all cores, where processes can be forked."""
    n_questions = sum(len(p.questions) for article in articles for p in article.paragraphs)
    n_workers = min(MAX_WORKERS, os.cpu_count() or 1)
    if n_questions < WORTH_WORKERS or n_workers == 1 or sys.platform != "linux":
        yield from map(make, articles)
        return
    forked = multiprocessing.get_context("fork")  # tokenizer and company are shared, not copied
    with ProcessPoolExecutor(n_workers, forked, _begin, (make,)) as workers:
        yield from workers.map(_work, articles, chunksize=8)


def _begin(make: _OfArticle) -> None:
    global _make
    _make = make


def _work(article: Article) -> tuple[list[Piece], list[Example]]:
    assert _make is not None
    return _make(article)


def _dealt(tokenizer: Tokenizer, paragraph: Paragraph) -> Iterator[tuple[Piece, ...]]:
    """For each question that the paragraph answers, in order, its share of those that it does not."""
    n = sum(bool(q.answers) for q in paragraph.questions)
    rest = [
        encode_piece(tokenizer, q.question).cut(0, MAX_QUESTION_TOKENS) for q in paragraph.questions if not q.answers
    ]
    return (tuple(rest[k::n]) for k in range(n))


def _answer_tokens(asked: SquadQuestion, question: Piece, piece: Piece) -> np.ndarray:
    """Tokens of the answer where it stands nearest to words of the question, if it occurs several times: labels of many
    files name the first place where the answer's words occur, not the one that was meant."""
    answer, places = asked.answers[0], [asked.answer_starts[0]]
    if asked.context.count(answer) > 1:
        places = [*islice(whole_words(answer, asked.context), MAX_OCCURRENCES)] or places
    tokens = [np.flatnonzero((piece.offsets[1:] > at) & (piece.offsets[:-1] < at + len(answer))) for at in places]
    tokens = [t for t in tokens if len(t)]
    if len(tokens) < 2:
        return tokens[0] if tokens else np.zeros(0, int)
    shared = np.flatnonzero(np.isin(piece.stems, question.stems[question.stems != 0]))
    near = [np.exp(-np.abs(shared - t.mean()) / OCCURRENCE_REACH).sum() for t in tokens]
    return tokens[int(np.argmax(near))]


def _misleading(tokenizer: Tokenizer, asked: SquadQuestion, pool: Pool, n: int, is_hasty: bool) -> tuple[Piece, ...]:
    """Up to `n` different questions near `asked` that its paragraph does not answer; the same at every call."""
    rng = random.Random(f"{asked.id}:{asked.question}")
    made = (mislead(asked.question, asked.context, asked.answers[0], pool, rng) for _ in range(n))
    texts = dict.fromkeys(in_haste(text) if is_hasty else text for text in made if text is not None)
    return tuple(encode_piece(tokenizer, text).cut(0, MAX_QUESTION_TOKENS) for text in texts)


def _altered(tokenizer: Tokenizer, asked: SquadQuestion, place: int, pool: Pool, n: int) -> tuple[Altered, ...]:
    """Up to `n` different alterations of the paragraph that answers `asked` at `place`, those first that are overlooked
    most; the same at every call."""
    rng = random.Random(f"altered:{asked.id}:{asked.question}")
    answer = asked.answers[0]
    tries = ALTERED_TRIES if n and place >= 0 else 0
    at = place, place + len(answer)
    made = (counterfactual(asked.question, asked.context, at, pool, rng, ALTERED_BESIDE) for _ in range(tries))
    different = {c.context: c for c in made if c is not None}.values()
    found = []
    for c in sorted(different, key=lambda c: not c.elsewhere)[:n]:
        piece = encode_piece(tokenizer, c.context)
        tokens = np.flatnonzero((piece.offsets[1:] > c.start) & (piece.offsets[:-1] < c.start + len(answer)))
        question = encode_piece(tokenizer, c.question).cut(0, MAX_QUESTION_TOKENS)
        found += [Altered(question, c.context, len(piece), int(tokens[0]), int(tokens[-1]))] if len(tokens) else []
    return tuple(found)


def nearest_wrong(
    article: Article, questions: Sequence[Piece], pieces: Sequence[Piece], n: int = N_NEGATIVES
) -> list[list[int]]:
    """For each answerable question of the article, in order, up to `n` paragraphs that share most with it and do not
    hold its answer."""
    asked = [(i, q) for i, p in enumerate(article.paragraphs) for q in p.questions if q.answers]
    if not asked:
        return []
    contexts = [p.context.lower() for p in article.paragraphs]
    order = np.argsort(-shared_idf(questions, pieces), axis=1, kind="stable")[:, : 3 * n]
    wrong = []
    for (i, q), row in zip(asked, order, strict=True):
        answer = q.answers[0].lower()
        wrong.append([int(j) for j in row if j != i and answer not in contexts[j]][:n])
    return wrong


def shared_idf(questions: Sequence[Piece], paragraphs: Sequence[Piece]) -> np.ndarray:
    """(questions, paragraphs) sum of the inverse document frequencies of the stems that both hold."""
    vocabulary, column = np.unique(np.concatenate([p.stems for p in paragraphs]), return_inverse=True)
    row = np.repeat(np.arange(len(paragraphs)), [len(p) for p in paragraphs])
    present = sp.csr_matrix((np.ones(len(row)), (row, column)), shape=(len(paragraphs), len(vocabulary)))
    present.data[:] = 1
    idf = np.log1p(len(paragraphs) / np.asarray(present.sum(axis=0)).ravel()) * (vocabulary != 0)
    held = np.array([np.isin(vocabulary, q.stems) for q in questions]).reshape(len(questions), len(vocabulary))
    return np.asarray((present @ (held * idf).T).T)
