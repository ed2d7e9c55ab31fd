"""The glass box: how the reader read one passage, in its own numbers.

Three views, all of the served weights at the served precision. After each layer: where the reader would point if it had
to answer then, by the norm and the span head that stand behind the last one (the "logit lens", nostalgebraist 2020).
Words: how much surer or less sure the reader is of its answer because it could read that word, measured by hiding the
word and reading again (leave one out: Li et al. 2016); the reader learnt with masked tokens among others, so that it
knows prompts with holes. Attention: which tokens a token takes from, in each layer and head.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal, cast

import torch
from torch import Tensor

from gpt.checkpoint import Released
from gpt.errors import ConfigError
from gpt.model import GPT, Attention, Block, norm, rotate
from gpt.reading import OnePassage, Piece, Prompt, PromptBatch, best_of_one, build_prompt, span_log_probs
from gpt.span import null_margin

N_SPANS = 5
BATCH_TOKENS = 4096  # read at once when words are hidden
Part = Literal["question", "passage", "sign"]
Shared = Literal["no", "stop word", "stem", "word"]
SHARED: tuple[Shared, ...] = ("no", "stop word", "stem", "word")  # by the overlap of gpt/reading.py


@dataclass(frozen=True, slots=True)
class SeenToken:
    """A token of the prompt. Characters [start, end) of the question (which stands there twice) or of the passage; both 0
    for a sign between them, whose `text` is its name. `shared`: what of it stands on the other side, as its mark tells
    the reader."""

    text: str
    part: Part
    shared: Shared
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Pointed:
    """A span of the passage: tokens [first, last] of the prompt, both included, characters [start, end) of the passage.

    `probability` is P(first) * P(last); `margin` the nats by which it beats "not in the passage".
    """

    first: int
    last: int
    start: int
    end: int
    probability: float
    margin: float


@dataclass(frozen=True, slots=True)
class WordEffect:
    """Tokens [first, last] of the prompt, both included, which are one word, and the nats that the best span's margin loses
    when nobody can read it. Negative: the reader is surer without it. A word of the question counts in both places."""

    first: int
    last: int
    effect: float


@dataclass(frozen=True)
class Inspection:
    """How a passage was read. first[l][t], last[l][t]: P after layer l + 1 that the answer begins, or ends, at token t; the
    last token stands for "not in the passage", whose probability at the end is `nothing`. `spans`, best first."""

    tokens: tuple[SeenToken, ...]
    first: tuple[tuple[float, ...], ...]
    last: tuple[tuple[float, ...], ...]
    spans: tuple[Pointed, ...]
    nothing: float
    words: tuple[WordEffect, ...]


@dataclass(frozen=True)
class Looks:
    """Where token `token` of the prompt looks: weights[l][h][t] is the part that head h + 1 of layer l + 1 takes from
    token t; each head's add up to 1."""

    token: int
    weights: tuple[tuple[tuple[float, ...], ...], ...]


@torch.inference_mode()
def inspect(released: Released, question: str, passage: str) -> Inspection:
    """How the model reads the passage for the question.

    Raises ContextTooLong when they do not fit the window together, ConfigError when the passage holds nothing.
    """
    read = _read(released, question, passage)
    model, prompt = released.model, read.prompt
    batch = _batch(released, [prompt])
    *_, log_p = lens = [_log_probs(model, norm(state), batch) for state in _states(model, batch)][1:]
    begin, piece = prompt.starts[0], read.passage
    spans = [
        Pointed(
            span.start,
            span.end,
            int(piece.offsets[span.start - begin]),
            int(piece.offsets[span.end - begin + 1]),
            math.exp(span.score),
            null_margin(span.score, log_p[0], -1),
        )
        for span in best_of_one(log_p, batch, read, passage, N_SPANS)
    ]
    return Inspection(
        tokens=_tokens(released, read, (question, passage)),
        first=tuple(tuple(layer[0, :, 0].exp().tolist()) for layer in lens),
        last=tuple(tuple(layer[0, :, 1].exp().tolist()) for layer in lens),
        spans=tuple(span for span in spans if span.start < span.end),  # others: part of a character
        nothing=math.exp(log_p[0, -1].sum()),
        words=_effects(released, read, (question, passage), spans[0]),
    )


@torch.inference_mode()
def looks(released: Released, question: str, passage: str, token: int) -> Looks:
    """Where a token of the prompt looks. Raises as `inspect`, ConfigError for a token that is not there."""
    read = _read(released, question, passage)
    if not 0 <= token < len(read.prompt):
        raise ConfigError(f"token {token} does not exist; this prompt has {len(read.prompt)}, counted from 0")
    model, batch = released.model, _batch(released, [read.prompt])
    rotary = _rotary(model, batch)
    layers = zip(model.blocks, _states(model, batch), strict=False)  # one state more: behind the last
    weights = (attention_weights(cast(Block, block).attention, norm(x), rotary)[0, :, token] for block, x in layers)
    return Looks(token, tuple(tuple(map(tuple, heads.tolist())) for heads in weights))


def attention_weights(attention: Attention, x: Tensor, rotary: tuple[Tensor, Tensor]) -> Tensor:
    """softmax(q k^T / sqrt(D)), (B, H, T, T) float32, of rows without padding that see all of themselves."""
    B, T, _ = x.shape
    q, k, _ = attention.qkv(x).view(B, T, 3, -1, attention.head_dim).permute(2, 0, 3, 1, 4)
    q, k = rotate(norm(q), *rotary).float(), rotate(norm(k), *rotary).float()
    return torch.softmax(q @ k.transpose(-1, -2) * q.size(-1) ** -0.5, dim=-1)


def _read(released: Released, question: str, passage: str) -> OnePassage:
    return OnePassage.encode(released.tokenizer, question, passage, released.model.config.context_len)


def _batch(released: Released, prompts: Sequence[Prompt]) -> PromptBatch:
    """Prompts of one length, without padding."""
    device = str(next(released.model.parameters()).device)
    return PromptBatch.pad(prompts, released.tokenizer.special_ids["<|pad|>"], len(prompts[0]), device)


def _rotary(model: GPT, batch: PromptBatch) -> tuple[Tensor, Tensor]:
    T = batch.ids.size(1)
    return model.cos[:T].to(model.compute_dtype), model.sin[:T].to(model.compute_dtype)


def _states(model: GPT, batch: PromptBatch) -> Iterator[Tensor]:
    """The states (B, T, C) before the first layer and behind each: `GPT.forward`, step by step and without hooks, which
    other threads' reading would run into."""
    x = (model.embedding(batch.ids) + model.mark_embedding(batch.marks)).to(model.compute_dtype)
    rotary = _rotary(model, batch)
    yield x
    for block in model.blocks:
        x = block(x, rotary, batch.mask)
        yield x


def _log_probs(model: GPT, hidden: Tensor, batch: PromptBatch) -> Tensor:
    return span_log_probs(model.span_logits(hidden), batch.allowed).cpu()


def _tokens(released: Released, read: OnePassage, texts: tuple[str, str]) -> tuple[SeenToken, ...]:
    question, passage = texts
    placed = [(1, read.question, question, "question"), (read.prompt.starts[0], read.passage, passage, "passage")]
    placed.append((len(read.prompt) - 1 - len(read.question), read.question, question, "question"))
    names = {i: name for name, i in released.tokenizer.special_ids.items()}
    tokens = [SeenToken(names.get(int(i), ""), "sign", "no", 0, 0) for i in read.prompt.ids]
    for at, piece, text, part in placed:
        for i in range(len(piece)):
            start, end = int(piece.offsets[i]), int(piece.offsets[i + 1])
            shared = SHARED[int(read.prompt.marks[at + i]) % len(SHARED)]
            tokens[at + i] = SeenToken(text[start:end], cast(Part, part), shared, start, end)
    return tuple(tokens)


def _effects(released: Released, read: OnePassage, texts: tuple[str, str], best: Pointed) -> tuple[WordEffect, ...]:
    """Every word of the question and of the passage, in the order of the prompt."""
    hole = released.tokenizer.special_ids["<|mask|>"]
    places = [(0, i, j) for i, j in word_ranges(read.question, texts[0])]
    places += [(1, i, j) for i, j in word_ranges(read.passage, texts[1])]
    prompts = []
    for side, i, j in places:
        pieces = [read.question, read.passage]
        pieces[side] = _without(pieces[side], i, j, hole)
        prompts.append(build_prompt(released.tokenizer, pieces[0], [pieces[1]]))
    rows = max(1, BATCH_TOKENS // len(read.prompt))
    margins: list[float] = []
    for at in range(0, len(prompts), rows):
        margins += _margins(released, prompts[at : at + rows], best)
    begins = (1, read.prompt.starts[0])
    return tuple(
        WordEffect(begins[side] + i, begins[side] + j - 1, best.margin - margin)
        for (side, i, j), margin in zip(places, margins, strict=True)
    )


def _margins(released: Released, prompts: Sequence[Prompt], span: Pointed) -> list[float]:
    """The span's margin over "not in the passage" in each prompt."""
    batch = _batch(released, prompts)
    hidden = released.model(batch.ids, batch.marks, batch.mask)
    log_p = _log_probs(released.model, hidden, batch)
    scores = log_p[:, span.first, 0] + log_p[:, span.last, 1] - log_p[:, -1].sum(dim=-1)
    return cast(list[float], scores.tolist())


def word_ranges(piece: Piece, text: str) -> list[tuple[int, int]]:
    """Tokens [i, j) of each run of characters that no white space parts; `text` is what the piece was made of."""
    starts = [
        i for i in range(len(piece)) if i == 0 or text[int(piece.offsets[i]) : int(piece.offsets[i + 1])][:1].isspace()
    ]
    return list(zip(starts, [*starts[1:], len(piece)], strict=True))


def _without(piece: Piece, i: int, j: int, hole: int) -> Piece:
    """The piece with holes for tokens [i, j), which are no words any more: what shared them with the other side does not."""
    ids, words, stems, stop = (a.copy() for a in (piece.ids, piece.words, piece.stems, piece.stop))
    ids[i:j], words[i:j], stems[i:j], stop[i:j] = hole, 0, 0, False
    return replace(piece, ids=ids, words=words, stems=stems, stop=stop)
