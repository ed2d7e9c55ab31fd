"""The served reader: question and passages in, spans with probabilities out.

Each passage is a prompt of its own, as in training, and a passage longer than a window is several that overlap. Prompts
of like length are read in one batch, and spans compete by their margin over "not in the passage" and by how relevant their
passage is.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from gpt.checkpoint import Released, load_released
from gpt.confidence import LogOdds
from gpt.engine import Engine
from gpt.errors import ContextTooLong
from gpt.processor import Arithmetic, arithmetic
from gpt.reading import (
    OVERHEAD_TOKENS,
    Piece,
    Prompt,
    PromptBatch,
    build_prompt,
    encode_piece,
    padded_length,
    span_log_probs,
    stretches,
    whole_words,
)
from gpt.span import best_spans, null_margin, somewhere

RELEASED = Path(__file__).parent / "released"
DEFAULT_MODEL = "mini"
MIN_PASSAGE_TOKENS = 64  # a question that leaves less room than this is too long
N_SPANS = 5  # candidates a prompt
MAX_NATS = 60.0  # of relevance below 0; beyond it nothing changes any more
STATE_ROWS = 32  # prompts that `states` reads at once


@dataclass(frozen=True, slots=True)
class Span:
    """Characters [start, end) of `passages[passage]`; `score` is the margin in nats over "not in the passages".

    "".join(pieces) is the slice. `spread` is how many nats less likely its first and last token are than any that may answer
    in its prompt. `relevance` are the nats that its passage has ahead of others (gpt/relevance.py), 0 where the model has no
    head for it.
    """

    passage: int
    start: int
    end: int
    score: float
    pieces: tuple[str, ...]
    spread: float = 0.0
    relevance: float = 0.0

    @property
    def evidence(self) -> tuple[float, float, float]:
        """What tells whether it answers (gpt.confidence.LogOdds). Of the relevance its log sigmoid: a passage that speaks of just
        what is asked makes up for no margin, and one that does not is no answer's."""
        return self.score, self.spread, -math.log1p(math.exp(-max(self.relevance, -MAX_NATS)))

    @property
    def merit(self) -> float:
        """What spans of several passages compete by: the margin and the passage's relevance, in nats."""
        return self.score + self.relevance


@dataclass(frozen=True, slots=True)
class Reading:
    """Candidate spans, best first by `merit`; `answerable` is the calibrated probability that the passages answer."""

    spans: tuple[Span, ...]
    answerable: float


@dataclass(frozen=True)
class _Part:
    """Tokens of one passage that are read in one prompt."""

    passage: int
    piece: Piece


class Reader:
    """Reads with a released model. Safe to use from several threads."""

    def __init__(self, released: Released, batch_tokens: int = 4096, kind: Arithmetic | None = None):
        """kind: what it reads in on a CPU; None: the model's own dtype. The weights are read as they are now."""
        self.released = released
        self._engine = None if released.model.device.type != "cpu" else Engine(released.model, kind)
        self.batch_tokens = batch_tokens
        self.name = released.name
        self.threshold = released.calibration["threshold"]

    @classmethod
    def load(cls, path: Path | None = None) -> Reader:
        """None: the released default. A bare name: that released model. Raises CheckpointError."""
        folder = RELEASED / DEFAULT_MODEL if path is None else path
        if path is not None and not path.exists() and (RELEASED / path.name).is_dir() and path.parent == Path():
            folder = RELEASED / path.name
        return cls(load_released(folder), kind=arithmetic())

    @property
    def window(self) -> int:
        """Tokens a prompt may hold."""
        return self.released.model.config.context_len

    def read(self, question: str, passages: Sequence[str]) -> Reading:
        """The best spans of all passages. Raises ContextTooLong when the question leaves no room for a passage."""
        return self.read_batch([(question, passages)])[0]

    def read_batch(self, asked: Sequence[tuple[str, Sequence[str]]]) -> list[Reading]:
        """As `read`, for several questions at once; equal to reading each alone up to rounding."""
        groups = [self._prompts(question, passages) for question, passages in asked]
        flat = [(i, part, prompt) for i, group in enumerate(groups) for part, prompt in group]
        found: list[list[Span]] = [[] for _ in asked]
        order = sorted(range(len(flat)), key=lambda j: len(flat[j][2]))
        at = 0
        while at < len(order):
            width = 1
            while at + width < len(order) and (width + 1) * len(flat[order[at + width]][2]) <= self.batch_tokens:
                width += 1
            rows = [flat[j] for j in order[at : at + width]]
            pieces = [(asked[i][1][part.passage], part.piece) for i, part, _ in rows]
            for (i, part, _), spans in zip(rows, self._spans([p for *_, p in rows], pieces), strict=True):
                located = (_locate(asked[i][1], part, span) for span in spans)
                found[i] += [span for span in located if span.pieces]  # none: part of a character
            at += width
        return [self._reading(spans, len(passages)) for spans, (_, passages) in zip(found, asked, strict=True)]

    def _prompts(self, question: str, passages: Sequence[str]) -> list[tuple[_Part, Prompt]]:
        tokenizer = self.released.tokenizer
        asked = encode_piece(tokenizer, question)
        room = self.window - 2 * len(asked) - OVERHEAD_TOKENS
        if room < MIN_PASSAGE_TOKENS:
            limit = (self.window - OVERHEAD_TOKENS - MIN_PASSAGE_TOKENS) // 2
            raise ContextTooLong(f"the question has {len(asked)} tokens, this model reads at most {limit}; shorten it")
        parts = _parts([encode_piece(tokenizer, p) for p in passages], room - 1)  # <|passage|> takes one
        return [(part, build_prompt(tokenizer, asked, [part.piece])) for part in parts]

    @torch.inference_mode()
    def _spans(
        self, prompts: Sequence[Prompt], passages: Sequence[tuple[str, Piece]]
    ) -> list[list[tuple[int, int, float, float, float]]]:
        """For each prompt the best spans of its passage, a piece of a text: (first token, last token, margin, spread,
        relevance)."""
        batch, hidden, log_p = self._run(prompts)
        relevance = self._relevance(hidden, batch)
        at, inside = batch.answer_at.cpu(), stretches(batch, prompts, passages)
        best, totals = best_spans(log_p, inside, N_SPANS), somewhere(log_p, inside).tolist()
        rows = zip(prompts, log_p, at.tolist(), best, totals, relevance, strict=True)
        return [
            [
                (
                    span.start - prompt.starts[0],
                    span.end - prompt.starts[0],
                    null_margin(span.score, row, null),
                    total - span.score,
                    relevant,
                )
                for span in spans
            ]
            for prompt, row, null, spans, total, relevant in rows
        ]

    @torch.inference_mode()
    def states(self, asked: Sequence[tuple[str, str]]) -> tuple[np.ndarray, np.ndarray]:
        """Of each question and passage, the latter's first window: the state at "not in the passage" (n, C), and by how many nats
        the best span beats it (n,). Raises ContextTooLong."""
        prompts = [self._prompts(question, [passage])[0][1] for question, passage in asked]
        order = sorted(range(len(prompts)), key=lambda i: len(prompts[i]))
        states = np.empty((len(prompts), self.released.model.config.n_embd), np.float32)
        margins = np.empty(len(prompts))
        for at in range(0, len(order), STATE_ROWS):
            rows = order[at : at + STATE_ROWS]
            batch, hidden, log_p = self._run([prompts[i] for i in rows])
            states[rows] = batch.at_answer(hidden).float().cpu().numpy()
            best = best_spans(log_p, batch.passage_tokens.cpu(), 1)
            nulls = batch.answer_at.tolist()
            margins[rows] = [
                null_margin(b[0].score, row, null) for b, row, null in zip(best, log_p, nulls, strict=True)
            ]
        return states, margins

    def _run(self, prompts: Sequence[Prompt]) -> tuple[PromptBatch, Tensor, Tensor]:
        """The prompts as a batch, their states (B, T, C) and log P of first and last token (B, T, 2), these on the CPU."""
        model, pad_id = self.released.model, self.released.tokenizer.special_ids["<|pad|>"]
        length = padded_length(max(len(p) for p in prompts), self.window)
        batch = PromptBatch.pad(prompts, pad_id, length, str(model.device))
        if self._engine is None:
            hidden = model(batch.ids, batch.marks, batch.mask)
        else:
            hidden = self._engine(batch.ids, batch.marks, [len(prompt) for prompt in prompts])
        return batch, hidden, span_log_probs(model.span_logits(hidden), batch.allowed).cpu()

    def _relevance(self, hidden: Tensor, batch: PromptBatch) -> list[float]:
        """Of each row, hidden (B, T, C)."""
        head = self.released.relevance
        return [0.0] * len(hidden) if head is None else head(batch.at_answer(hidden)).tolist()

    def _reading(self, spans: list[Span], n_passages: int) -> Reading:
        best = sorted(spans, key=lambda s: -s.merit)
        return Reading(tuple(best), self.probability(best[0].evidence, n_passages) if best else 0.0)

    def probability(self, evidence: tuple[float, float, float], n_passages: int = 1) -> float:
        """The calibrated probability that the passages answer, given the best span's `evidence`: a sigmoid of what is linear in
        it (Platt 1999); its terms move with the log of how many passages the span is the best of."""
        return float(LogOdds.of(self.released.calibration, n_passages).probability(np.array([evidence]))[0])


def _locate(passages: Sequence[str], part: _Part, span: tuple[int, int, float, float, float]) -> Span:
    text = passages[part.passage]
    first, last, margin, spread, relevance = span
    first, last = whole_words(text, part.piece, first, last)
    offsets = part.piece.offsets[first : last + 2]
    pieces = tuple(text[a:b] for a, b in itertools.pairwise(offsets) if b > a)
    return Span(part.passage, int(offsets[0]), int(offsets[-1]), margin, pieces, spread, relevance)


def _parts(pieces: Sequence[Piece], room: int) -> list[_Part]:
    """Passages as they are, but one longer than `room` tokens as windows that overlap by a quarter."""
    parts = []
    for i, piece in enumerate(pieces):
        step = max(1, room - room // 4)
        begin = 0
        while (len(piece) and begin == 0) or begin + room // 4 < len(piece):
            parts.append(_Part(i, piece.cut(begin, min(begin + room, len(piece)))))
            begin += step
    return parts
