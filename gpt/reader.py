"""The served reader: question and passages in, spans with probabilities out.

Each passage is a prompt of its own, as in training, and a passage longer than a window is several that overlap. Prompts
of like length are read in one batch, and spans compete by their margin over "not in the passage".
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from gpt.checkpoint import Released, load_released
from gpt.confidence import LogOdds
from gpt.errors import ContextTooLong
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


@dataclass(frozen=True, slots=True)
class Span:
    """Characters [start, end) of `passages[passage]`; `score` is the margin in nats over "not in the passages".

    "".join(pieces) is the slice. `spread` is how many nats less likely its first and last token are than any that may answer
    in its prompt.
    """

    passage: int
    start: int
    end: int
    score: float
    pieces: tuple[str, ...]
    spread: float = 0.0


@dataclass(frozen=True, slots=True)
class Reading:
    """Candidate spans, best first; `answerable` is the calibrated probability that the passages answer the question."""

    spans: tuple[Span, ...]
    answerable: float


@dataclass(frozen=True)
class _Part:
    """Tokens of one passage that are read in one prompt."""

    passage: int
    piece: Piece


class Reader:
    """Reads with a released model. Safe to use from several threads."""

    def __init__(self, released: Released, batch_tokens: int = 4096):
        self.released = released
        self.batch_tokens = batch_tokens
        self.name = released.name
        self.threshold = released.calibration["threshold"]

    @classmethod
    def load(cls, path: Path | None = None) -> Reader:
        """None: the released default. A bare name: that released model. Raises CheckpointError."""
        folder = RELEASED / DEFAULT_MODEL if path is None else path
        if path is not None and not path.exists() and (RELEASED / path.name).is_dir() and path.parent == Path():
            folder = RELEASED / path.name
        return cls(load_released(folder))

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
    ) -> list[list[tuple[int, int, float, float]]]:
        """For each prompt the best spans of its passage, a piece of a text: (first token, last token, margin, spread)."""
        model, pad_id = self.released.model, self.released.tokenizer.special_ids["<|pad|>"]
        length = padded_length(max(len(p) for p in prompts), self.window)
        batch = PromptBatch.pad(prompts, pad_id, length, str(next(model.parameters()).device))
        logits = model.span_logits(model(batch.ids, batch.marks, batch.mask))
        log_p = span_log_probs(logits, batch.allowed).cpu()
        at, inside = batch.answer_at.cpu(), stretches(batch, prompts, passages)
        best, totals = best_spans(log_p, inside, N_SPANS), somewhere(log_p, inside).tolist()
        rows = zip(prompts, log_p, at.tolist(), best, totals, strict=True)
        return [
            [
                (
                    span.start - prompt.starts[0],
                    span.end - prompt.starts[0],
                    null_margin(span.score, row, null),
                    total - span.score,
                )
                for span in spans
            ]
            for prompt, row, null, spans, total in rows
        ]

    def _reading(self, spans: list[Span], n_passages: int) -> Reading:
        best = sorted(spans, key=lambda s: -s.score)
        return Reading(tuple(best), self.probability(best[0].score, n_passages, best[0].spread) if best else 0.0)

    def probability(self, margin: float, n_passages: int = 1, spread: float = 0.0) -> float:
        """The calibrated probability that the passages answer, given the best span's margin and spread: a sigmoid of what is
        linear in both (Platt 1999); its terms move with the log of how many passages the span is the best of."""
        log_odds = LogOdds.of(self.released.calibration, n_passages)
        return float(log_odds.probability(np.array([[margin, spread]]))[0])


def _locate(passages: Sequence[str], part: _Part, span: tuple[int, int, float, float]) -> Span:
    text = passages[part.passage]
    first, last, margin, spread = span
    first, last = whole_words(text, part.piece, first, last)
    offsets = part.piece.offsets[first : last + 2]
    pieces = tuple(text[a:b] for a, b in itertools.pairwise(offsets) if b > a)
    return Span(part.passage, int(offsets[0]), int(offsets[-1]), margin, pieces, spread)


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
