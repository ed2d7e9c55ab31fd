"""One hidden neuron of the reader at one token: what it computes, and what the answer's probability owes to it.

A neuron of the SwiGLU layer reads the token's state x and writes back into it:

    gate = x . g    up = x . u    h = silu(gate) * up    state += h * w

Its slopes, d log P(answer) / d each of these numbers at this token, are computed twice: by the scalar engine
(gpt/autograd.py) and by torch on the real model (gpt/neuron_probe.py). Behind the last layer only a norm, the span head and
a softmax follow, and the engine computes them too; behind an earlier one come more layers, and what follows the state is
taken from torch.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import cast

import torch

from gpt.autograd import Value, dot
from gpt.checkpoint import Released
from gpt.errors import ConfigError
from gpt.model import GPT, Block
from gpt.neuron_probe import Neuron, Probed, ReadPrompt, Slopes, most_telling, probe, switched_off
from gpt.reading import OnePassage, PromptBatch, best_of_one, span_log_probs

NORM_EPS = 1e-6  # of gpt.model.norm


@dataclass(frozen=True)
class Explanation:
    """A neuron's part in an answer, passage[start:end]. Layers, neurons and tokens count from 1.

    log_p is the log of P(first token) * P(last token) of the answer, log_p_off the same with the neuron's output held at
    zero, both by the real model in float32. engine_log_p is the scalar engine's, None where it does not compute all that
    follows the neuron.
    """

    start: int
    end: int
    layer: int
    neuron: int
    layer_neurons: int
    token: str
    position: int
    prompt_tokens: int
    forward: Neuron
    engine: Slopes
    torch: Slopes
    log_p: float
    log_p_off: float
    engine_log_p: float | None


def explain_neuron(
    released: Released, question: str, passage: str, layer: int | None = None, neuron: int | None = None
) -> Explanation:
    """Explains a neuron at the answer's first token: of the last layer unless `layer` says another, the one with the
    largest |output * slope| unless `neuron` says another. For a model that nothing else uses meanwhile.

    Raises ConfigError when there is no such layer or neuron, ContextTooLong when the prompt exceeds the window.
    """
    model = released.model
    n_layer, n_hidden = model.config.n_layer, model.config.n_hidden
    layer = _counted("layer", n_layer if layer is None else layer, n_layer)
    if neuron is not None:
        _counted("neuron", neuron, n_hidden)
    block = cast(Block, model.blocks[layer - 1])
    with _in_float32(model):
        prompt, start, end = _read(released, question, passage)
        at = most_telling(model, block, prompt) if neuron is None else neuron - 1
        found = probe(model, block, prompt, at)
        log_p_off = switched_off(model, block, prompt, at)
    last = layer == n_layer
    follow = _behind_the_last_layer(found, model, prompt) if last else _as_steep_as(found.slopes.state)
    engine_log_p, engine = slopes_by_engine(found.neuron, follow)
    return Explanation(
        start=start,
        end=end,
        layer=layer,
        neuron=at + 1,
        layer_neurons=n_hidden,
        token=released.tokenizer.decode([int(prompt.batch.ids[0, prompt.first])]),
        position=prompt.first + 1,
        prompt_tokens=prompt.batch.ids.size(1),
        forward=found.neuron,
        engine=engine,
        torch=found.slopes,
        log_p=found.log_p,
        log_p_off=log_p_off,
        engine_log_p=engine_log_p if last else None,
    )


def _counted(what: str, number: int, n: int) -> int:
    if not 1 <= number <= n:
        raise ConfigError(f"{what} {number} does not exist; this model counts them from 1 to {n}")
    return number


@contextlib.contextmanager
def _in_float32(model: GPT) -> Iterator[None]:
    """The weights stay the served ones; the products run in float32, so that slopes can be compared."""
    before, model.fixed_dtype = model.fixed_dtype, torch.float32
    try:
        yield
    finally:
        model.fixed_dtype = before


def _read(released: Released, question: str, passage: str) -> tuple[ReadPrompt, int, int]:
    """The prompt with its best span, and the span's characters in the passage."""
    model, tokenizer = released.model, released.tokenizer
    one = OnePassage.encode(tokenizer, question, passage, model.config.context_len)
    batch = PromptBatch.pad([one.prompt], tokenizer.special_ids["<|pad|>"], length=len(one.prompt))
    with torch.no_grad():
        logits = model.span_logits(model(batch.ids, batch.marks, batch.mask))
    best = best_of_one(span_log_probs(logits, batch.allowed), batch, one, passage, 1)[0]
    at, offsets = one.prompt.starts[0], one.passage.offsets
    return ReadPrompt(batch, best.start, best.end), int(offsets[best.start - at]), int(offsets[best.end - at + 1])


def slopes_by_engine(neuron: Neuron, follow: Callable[[list[Value]], Value]) -> tuple[float, Slopes]:
    """What `follow` makes of the numbers that the neuron writes (C,), and its slopes, by the scalar engine."""
    vectors = (neuron.x, neuron.gate_weights, neuron.up_weights, neuron.out_weights)
    x, g, u, w = ([Value(number) for number in vector] for vector in vectors)
    gate, up = dot(x, g), dot(x, u)
    h = gate.silu() * up
    written = [h * weight for weight in w]
    result = follow(written)
    result.backward()
    state, *slopes = (tuple(v.grad for v in values) for values in (written, x, g, u, w))
    return result.data, Slopes(state, h.grad, gate.grad, up.grad, *slopes)


def _as_steep_as(slopes: Sequence[float]) -> Callable[[list[Value]], Value]:
    """The rest of the model as far as slopes go: each channel times its slope."""
    return lambda written: dot(written, [Value(slope) for slope in slopes])


def _behind_the_last_layer(found: Probed, model: GPT, prompt: ReadPrompt) -> Callable[[list[Value]], Value]:
    """The rest of the model: norm, the two rows of the span head, and log P of the answer over all tokens' logits."""
    neuron, rows = found.neuron, model.span_head.weight.tolist()
    others_wrote = [s - neuron.output * w for s, w in zip(found.state, neuron.out_weights, strict=True)]

    def follow(written: list[Value]) -> Value:
        state = [mine + other for mine, other in zip(written, others_wrote, strict=True)]
        scale = (dot(state, state) / len(state) + NORM_EPS) ** -0.5
        log_p = Value(0)
        for row, logits, target in zip(rows, found.span_logits.T.tolist(), (prompt.first, prompt.last), strict=True):
            logit = dot(state, [Value(weight) for weight in row]) * scale
            log_p += (logit if target == prompt.first else logits[target]) - _log_sum_exp(logit, logits, prompt.first)
        return log_p

    return follow


def _log_sum_exp(logit: Value, logits: list[float], at: int) -> Value:
    """log of the sum of exp over all logits, the one at `at` being `logit`; shifted by the largest against overflow."""
    top = max(logits)
    others = math.fsum(math.exp(z - top) for i, z in enumerate(logits) if i != at)
    return ((logit - top).exp() + others).log() + top
