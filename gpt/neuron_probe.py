"""A neuron's numbers and their slopes, taken from the real model by torch."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields

import numpy as np
import torch
from torch import Tensor, nn

from gpt.model import GPT, MLP, Block
from gpt.reading import PromptBatch, span_log_probs

Numbers = tuple[float, ...]


@dataclass(frozen=True)
class Neuron:
    """A hidden neuron at one token: the x it reads, its weights g, u, w, (C,) each, and what it makes of them.

    gate = x . g, up = x . u, output = silu(gate) * up, and output * w is added to the token's state.
    """

    gate: float
    up: float
    output: float
    x: Numbers
    gate_weights: Numbers
    up_weights: Numbers
    out_weights: Numbers


@dataclass(frozen=True)
class Slopes:
    """d log P(answer) / d each number of a `Neuron`, at this token and by way of this neuron alone; `state` (C,) is the
    slope in what the neuron adds to the token's state."""

    state: Numbers
    output: float
    gate: float
    up: float
    x: Numbers
    gate_weights: Numbers
    up_weights: Numbers
    out_weights: Numbers

    def gap(self, other: Slopes) -> float:
        """The largest difference of two slopes of one kind, as a fraction of the largest slope of that kind."""
        worst = 0.0
        for field in fields(self):
            mine, theirs = (np.atleast_1d(getattr(s, field.name)) for s in (self, other))
            scale = max(np.abs(mine).max(), np.abs(theirs).max())
            worst = max(worst, float(np.abs(mine - theirs).max() / scale)) if scale else worst
        return worst


@dataclass(frozen=True)
class ReadPrompt:
    """A prompt alone in its batch, with its answer at tokens [first, last]."""

    batch: PromptBatch
    first: int
    last: int

    def log_probs(self, model: GPT) -> tuple[Tensor, Tensor]:
        """Span logits (T, 2), -inf where no answer may stand, and log P of the answer."""
        logits = model.span_logits(model(self.batch.ids, self.batch.marks, self.batch.mask))
        log_p = span_log_probs(logits, self.batch.allowed)[0]
        allowed = self.batch.allowed[0, :, None]
        return logits[0].masked_fill(~allowed, float("-inf")), log_p[self.first, 0] + log_p[self.last, 1]


@dataclass(frozen=True)
class Probed:
    """What a probe brought home. state (C,): the token's, behind the layer; span_logits (T, 2)."""

    neuron: Neuron
    slopes: Slopes
    log_p: float
    state: Numbers
    span_logits: Tensor


@torch.enable_grad()
def most_telling(model: GPT, block: Block, prompt: ReadPrompt) -> int:
    """The neuron whose output times its slope is largest at the answer's first token, from 0."""
    caught: list[Tensor] = []
    with _hooked((block.mlp.out, lambda module, args, output: caught.append(args[0]))):
        _, log_p = prompt.log_probs(model)
    (slope,) = torch.autograd.grad(log_p, caught[0])
    return int((slope * caught[0].detach())[0, prompt.first].abs().argmax())


@torch.no_grad()
def switched_off(model: GPT, block: Block, prompt: ReadPrompt, neuron: int) -> float:
    """log P of the answer with that neuron's output at the answer's first token held at zero."""

    def silence(module: nn.Module, args: tuple[Tensor]) -> tuple[Tensor]:
        hidden = args[0].clone()
        hidden[0, prompt.first, neuron] = 0.0
        return (hidden,)

    handle = block.mlp.out.register_forward_pre_hook(silence)
    try:
        return float(prompt.log_probs(model)[1])
    finally:
        handle.remove()


@torch.enable_grad()
def probe(model: GPT, block: Block, prompt: ReadPrompt, neuron: int) -> Probed:
    """The neuron at the answer's first token, and the slopes of the answer's log probability."""
    double, states = _Double(block.mlp, prompt.first, neuron), list[Tensor]()
    hooks = (block.mlp.gate_up, double.read), (block.mlp.out, double.write)
    with _hooked(*hooks, (block, lambda module, args, output: states.append(output))):
        logits, log_p = prompt.log_probs(model)
    numbers = (double.gate, double.up, double.x, double.g, double.u, double.w)
    state, hidden, gate, up, *vectors = torch.autograd.grad(log_p, (states[0], double.hidden, *numbers))
    h = hidden[0, prompt.first, neuron].item()
    slopes = Slopes(_numbers(state[0, prompt.first]), h, gate.item(), up.item(), *map(_numbers, vectors))
    return Probed(double.neuron(), slopes, log_p.item(), _numbers(states[0][0, prompt.first]), logits.detach())


class _Double:
    """Puts numbers of its own in the place of one neuron's at one token, so that torch can tell their slopes from
    those of the same weights at other tokens and of the same inputs in other neurons."""

    x: Tensor
    gate: Tensor
    up: Tensor
    hidden: Tensor

    def __init__(self, mlp: MLP, position: int, neuron: int):
        self.position, self.at, self.n_hidden = position, neuron, mlp.out.weight.size(1)
        own = mlp.gate_up.weight[neuron], mlp.gate_up.weight[self.n_hidden + neuron], mlp.out.weight[:, neuron]
        self.g, self.u, self.w = (weights.detach().clone().requires_grad_() for weights in own)

    def read(self, module: nn.Module, args: tuple[Tensor], output: Tensor) -> Tensor:
        """After mlp.gate_up: gate and up anew, from numbers of our own."""
        self.x = args[0][0, self.position].detach().clone().requires_grad_()
        self.gate, self.up = self.x @ self.g, self.x @ self.u
        output = output.clone()
        output[0, self.position, self.at] = self.gate
        output[0, self.position, self.n_hidden + self.at] = self.up
        return output

    def write(self, module: nn.Module, args: tuple[Tensor], output: Tensor) -> Tensor:
        """After mlp.out: adds h * (w - w), which is zero and has the slopes of w."""
        self.hidden = args[0]
        output = output.clone()
        output[0, self.position] += self.hidden[0, self.position, self.at] * (self.w - self.w.detach())
        return output

    def neuron(self) -> Neuron:
        vectors = map(_numbers, (self.x, self.g, self.u, self.w))
        return Neuron(self.gate.item(), self.up.item(), self.hidden[0, self.position, self.at].item(), *vectors)


def _numbers(vector: Tensor) -> Numbers:
    return tuple(vector.tolist())


@contextlib.contextmanager
def _hooked(*hooks: tuple[nn.Module, Callable[..., Tensor | None]]) -> Iterator[None]:
    handles = [module.register_forward_hook(hook) for module, hook in hooks]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()
