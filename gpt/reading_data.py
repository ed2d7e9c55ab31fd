"""Labelled questions -> batches of prompts with a known answer, some of them unanswerable on purpose.

The unanswerable ones ask a question of another paragraph of the same article, the one that shares most with the
question and does not hold the answer: what a retriever that failed would have brought.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
import torch
from torch import Tensor

from gpt.config import TrainConfig
from gpt.errors import DataError
from gpt.model import GPT
from gpt.reading import OVERHEAD_TOKENS, Piece, Prompt, PromptBatch, build_prompt, encode_piece, span_log_probs
from gpt.squad import Article
from gpt.tokenizer import Tokenizer

MAX_QUESTION_TOKENS = 64
N_NEGATIVES = 4
MIN_DISTRACTOR_TOKENS = 16
SORT_WINDOW = 4096  # examples among which lengths are sorted into batches


@dataclass(frozen=True)
class Example:
    """A question, the paragraph that answers it at tokens [start, end], and paragraphs that do not, nearest first."""

    question: Piece
    paragraph: int
    start: int
    end: int
    negatives: tuple[int, ...]


@dataclass(frozen=True)
class ReadingData:
    """Every example of a set of articles; paragraphs are shared."""

    tokenizer: Tokenizer
    paragraphs: tuple[Piece, ...]
    examples: tuple[Example, ...]

    @classmethod
    def build(cls, tokenizer: Tokenizer, articles: Sequence[Article]) -> ReadingData:
        """Questions whose answer does not lie on tokens of its paragraph are left out."""
        paragraphs: list[Piece] = []
        examples: list[Example] = []
        for article in articles:
            first = len(paragraphs)
            paragraphs += [encode_piece(tokenizer, p.context) for p in article.paragraphs]
            examples += _article_examples(tokenizer, article, paragraphs[first:], first)
        if not examples:
            raise DataError("the question files hold no answerable question")
        return cls(tokenizer, tuple(paragraphs), tuple(examples))


def _article_examples(tokenizer: Tokenizer, article: Article, pieces: list[Piece], first: int) -> list[Example]:
    asked = [(i, q) for i, p in enumerate(article.paragraphs) for q in p.questions if q.answers]
    questions = [encode_piece(tokenizer, q.question).cut(0, MAX_QUESTION_TOKENS) for _, q in asked]
    examples = []
    for (i, q), question, negatives in zip(asked, questions, nearest_wrong(article, questions, pieces), strict=True):
        begin, end = q.answer_starts[0], q.answer_starts[0] + len(q.answers[0])
        offsets = pieces[i].offsets
        tokens = np.flatnonzero((offsets[1:] > begin) & (offsets[:-1] < end))
        if len(tokens):
            wrong = tuple(first + j for j in negatives)
            examples.append(Example(question, first + i, int(tokens[0]), int(tokens[-1]), wrong))
    return examples


def nearest_wrong(
    article: Article, questions: Sequence[Piece], pieces: Sequence[Piece], n: int = N_NEGATIVES
) -> list[list[int]]:
    """For each answerable question of the article, in order, up to `n` paragraphs that share most with it and do not
    hold its answer."""
    asked = [(i, q) for i, p in enumerate(article.paragraphs) for q in p.questions if q.answers]
    if not asked:
        return []
    contexts = [p.context.lower() for p in article.paragraphs]
    order = np.argsort(-_shared_idf(questions, pieces), axis=1, kind="stable")[:, : 3 * n]
    wrong = []
    for (i, q), row in zip(asked, order, strict=True):
        answer = q.answers[0].lower()
        wrong.append([int(j) for j in row if j != i and answer not in contexts[j]][:n])
    return wrong


def _shared_idf(questions: Sequence[Piece], paragraphs: Sequence[Piece]) -> np.ndarray:
    """(questions, paragraphs) sum of the inverse document frequencies of the stems that both hold."""
    vocabulary, column = np.unique(np.concatenate([p.stems for p in paragraphs]), return_inverse=True)
    row = np.repeat(np.arange(len(paragraphs)), [len(p) for p in paragraphs])
    present = sp.csr_matrix((np.ones(len(row)), (row, column)), shape=(len(paragraphs), len(vocabulary)))
    present.data[:] = 1
    idf = np.log1p(len(paragraphs) / np.asarray(present.sum(axis=0)).ravel()) * (vocabulary != 0)
    held = np.stack([np.isin(vocabulary, q.stems) for q in questions])
    return np.asarray((present @ (held * idf).T).T)


@dataclass(frozen=True)
class _Epoch:
    """What one pass over the examples looks like: draw (n,) in [0, 1) decides an example's kind, other (n,) is the
    paragraph that misleads (-1: none), and batches hold examples of similar length."""

    draw: np.ndarray
    other: np.ndarray
    batches: list[np.ndarray]


class Reading:
    """The `Task` of pointing at answers. Batches hold prompts of similar length, at most `batch_tokens` padded.

    Of an epoch's examples `config.unanswerable` have only a paragraph that does not answer, `config.distractors` have one
    beside the right paragraph, before or after it, and the rest have the right one alone.
    """

    name = "reading"

    def __init__(
        self,
        data: ReadingData,
        config: TrainConfig,
        context_len: int,
        score: Callable[[GPT], dict[str, float]] = lambda model: {},
        device: str = "cpu",
    ):
        self.data, self.config, self.context_len, self.device = data, config, context_len, device
        self.evaluate = score
        self._paragraph_len = np.array([len(p) for p in data.paragraphs])
        self._question_len = np.array([len(e.question) for e in data.examples])
        self._gold = np.array([e.paragraph for e in data.examples])
        self._epochs: dict[int, _Epoch] = {}

    def loss(self, model: GPT, step: int) -> tuple[Tensor, int]:
        """Mean of -log P(first token) and -log P(last token), nats."""
        batch, target = self.batch(step)
        hidden = model(batch.ids, batch.marks, batch.mask)
        log_p = span_log_probs(model.span_logits(hidden), batch.allowed)
        return -log_p.gather(1, target[:, None, :]).mean(), batch.ids.numel()

    def batch(self, step: int) -> tuple[PromptBatch, Tensor]:
        """Prompts and targets (B, 2) of that step; the same at every call."""
        number = 0
        while step >= len(self._epoch(number).batches):
            step -= len(self._epoch(number).batches)
            number += 1
        epoch = self._epoch(number)
        rows = [self._row(epoch, number, int(i)) for i in epoch.batches[step]]
        pad_id = self.data.tokenizer.special_ids["<|pad|>"]
        batch = PromptBatch.pad([prompt for prompt, *_ in rows], pad_id, device=self.device)
        return batch, torch.tensor([[start, end] for _, start, end in rows], device=self.device)

    def _epoch(self, number: int) -> _Epoch:
        if number not in self._epochs:
            rng = np.random.default_rng((self.config.seed, number))
            examples = self.data.examples
            draw = rng.random(len(examples))
            pick = rng.integers(N_NEGATIVES, size=len(examples))
            other = np.array(
                [e.negatives[k % len(e.negatives)] if e.negatives else -1 for e, k in zip(examples, pick, strict=True)]
            )
            beside = (other >= 0) & (draw > 1 - self.config.distractors)
            length = 2 * self._question_len + self._paragraph_len[self._gold] + OVERHEAD_TOKENS + 1
            length = np.minimum(length + beside * (self._paragraph_len[other] + 1), self.context_len)
            self._epochs[number] = _Epoch(draw, other, _batches(length, self.config.batch_tokens, rng))
        return self._epochs[number]

    def _row(self, epoch: _Epoch, number: int, index: int) -> tuple[Prompt, int, int]:
        """The prompt of an example in an epoch, and the positions of its answer's first and last token."""
        rng = np.random.default_rng((self.config.seed, number, index))
        example, draw = self.data.examples[index], epoch.draw[index]
        other = self.data.paragraphs[epoch.other[index]] if epoch.other[index] >= 0 else None
        gold = self.data.paragraphs[example.paragraph]
        room = self.context_len - 2 * len(example.question) - OVERHEAD_TOKENS - 2
        if other is not None and draw < self.config.unanswerable:
            wrong = other.cut(0, min(len(gold), room))
            prompt = build_prompt(self.data.tokenizer, example.question, [wrong])
            return prompt, len(prompt) - 1, len(prompt) - 1
        piece, start, end = _window(gold, example.start, example.end, room, rng)
        passages, at = [piece], 0
        left = room - len(piece)
        if other is not None and draw > 1 - self.config.distractors and left > MIN_DISTRACTOR_TOKENS:
            at = int(rng.integers(2))
            passages.insert(1 - at, other.cut(0, left))
        prompt = build_prompt(self.data.tokenizer, example.question, passages)
        return prompt, prompt.starts[at] + start, prompt.starts[at] + end


def _batches(length: np.ndarray, batch_tokens: int, rng: np.random.Generator) -> list[np.ndarray]:
    """Examples shuffled, sorted by length within windows, cut so that padded rows hold at most `batch_tokens`, and the
    batches shuffled again."""
    order = rng.permutation(len(length))
    batches = []
    for at in range(0, len(order), SORT_WINDOW):
        window = order[at : at + SORT_WINDOW]
        window = window[np.argsort(length[window], kind="stable")]
        begin = 0
        for i in range(1, len(window) + 1):
            if i == len(window) or (i - begin + 1) * length[window[i]] > batch_tokens:
                batches.append(window[begin:i])
                begin = i
    return [batches[i] for i in rng.permutation(len(batches))]


def _window(piece: Piece, start: int, end: int, room: int, rng: np.random.Generator) -> tuple[Piece, int, int]:
    """At most `room` tokens of the piece that hold tokens [start, end], and where these then stand."""
    if len(piece) <= room:
        return piece, start, end
    end = min(end, start + room - 1)
    begin = int(rng.integers(max(0, end + 1 - room), min(start, len(piece) - room) + 1))
    return piece.cut(begin, begin + room), start - begin, end - begin
