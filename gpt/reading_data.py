"""Labelled questions -> encoded examples, each with what makes it unanswerable on purpose.

Two things do: another paragraph of the same article, one that shares much with the question and does not hold the answer
(what a retriever that failed would have brought), and another question, a few words away, that its own paragraph only
seems to answer (gpt/mislead.py).
"""

from __future__ import annotations

import random
import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp

from gpt.errors import DataError
from gpt.markup import some_as_notes
from gpt.mislead import mislead
from gpt.reading import Piece, encode_piece
from gpt.squad import Article, SquadQuestion
from gpt.tokenizer import Tokenizer
from gpt.wordpool import Company, Pool, company

MAX_QUESTION_TOKENS = 64
N_NEGATIVES = 4
N_MISLEADING = 2  # of each question, at most; a pass takes one of them
MAX_OCCURRENCES = 8
OCCURRENCE_REACH = 12.0  # tokens: a word of the question counts e^-1 at this distance from the answer


@dataclass(frozen=True)
class Example:
    """A question, the paragraph that answers it at tokens [start, end], paragraphs that do not, nearest first, and
    questions like it that the paragraph does not answer."""

    question: Piece
    paragraph: int
    start: int
    end: int
    negatives: tuple[int, ...]
    misleading: tuple[Piece, ...] = ()


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
        notes: float = 0.0,
    ) -> ReadingData:
        """Questions whose answer does not lie on tokens of its paragraph are left out. Up to `n_misleading` questions
        that mislead are made of each. `recurring` articles come last. A share `notes` of the paragraphs are written as
        notes are (gpt/markup.py); whether a passage holds an answer is told by its plain words."""
        paragraphs: list[Piece] = []
        groups: list[list[Example]] = []  # of each article
        known = company(p.context for article in articles for p in article.paragraphs) if n_misleading else {}
        for article in (*articles, *recurring):
            first = len(paragraphs)
            shown = some_as_notes(article, notes) if notes else article
            paragraphs += [encode_piece(tokenizer, p.context) for p in shown.paragraphs]
            groups.append(
                _article_examples(tokenizer, (article, shown), paragraphs[first:], first, (n_misleading, known))
            )
        examples = tuple(example for group in groups for example in group)
        if not examples:
            raise DataError("the question files hold no answerable question")
        return cls(tokenizer, tuple(paragraphs), examples, sum(map(len, groups[len(articles) :])))


def _article_examples(
    tokenizer: Tokenizer,
    articles: tuple[Article, Article],
    pieces: list[Piece],
    first: int,
    wanted: tuple[int, Company],
) -> list[Example]:
    """Of an article, plain and as it is shown; `pieces` are the shown paragraphs."""
    (article, shown), (n_misleading, known) = articles, wanted
    pool = Pool.of((p.context for p in article.paragraphs), known) if n_misleading else None
    asked, seen = (
        [(i, q) for i, p in enumerate(a.paragraphs) for q in p.questions if q.answers] for a in (article, shown)
    )
    questions = [encode_piece(tokenizer, q.question).cut(0, MAX_QUESTION_TOKENS) for _, q in asked]
    examples = []
    wrongs = nearest_wrong(article, questions, pieces)
    for (i, q), (_, as_shown), question, negatives in zip(asked, seen, questions, wrongs, strict=True):
        tokens = _answer_tokens(as_shown, question, pieces[i])
        if len(tokens):
            wrong = tuple(first + j for j in negatives)
            twins = _misleading(tokenizer, q, pool, n_misleading) if pool else ()
            examples.append(Example(question, first + i, int(tokens[0]), int(tokens[-1]), wrong, twins))
    return examples


def _answer_tokens(asked: SquadQuestion, question: Piece, piece: Piece) -> np.ndarray:
    """Tokens of the answer where it stands nearest to words of the question, if it occurs several times: labels of many
    files name the first place where the answer's words occur, not the one that was meant."""
    answer, places = asked.answers[0], [asked.answer_starts[0]]
    if asked.context.count(answer) > 1:
        found = re.finditer(rf"(?<!\w){re.escape(answer)}(?!\w)", asked.context)
        places = [m.start() for m in found][:MAX_OCCURRENCES] or places
    tokens = [np.flatnonzero((piece.offsets[1:] > at) & (piece.offsets[:-1] < at + len(answer))) for at in places]
    tokens = [t for t in tokens if len(t)]
    if len(tokens) < 2:
        return tokens[0] if tokens else np.zeros(0, int)
    shared = np.flatnonzero(np.isin(piece.stems, question.stems[question.stems != 0]))
    near = [np.exp(-np.abs(shared - t.mean()) / OCCURRENCE_REACH).sum() for t in tokens]
    return tokens[int(np.argmax(near))]


def _misleading(tokenizer: Tokenizer, asked: SquadQuestion, pool: Pool, n: int) -> tuple[Piece, ...]:
    """Up to `n` different questions near `asked` that its paragraph does not answer; the same at every call."""
    rng = random.Random(f"{asked.id}:{asked.question}")
    made = (mislead(asked.question, asked.context, asked.answers[0], pool, rng) for _ in range(n))
    texts = dict.fromkeys(text for text in made if text is not None)
    return tuple(encode_piece(tokenizer, text).cut(0, MAX_QUESTION_TOKENS) for text in texts)


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
    held = np.stack([np.isin(vocabulary, q.stems) for q in questions])
    return np.asarray((present @ (held * idf).T).T)
