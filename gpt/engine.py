"""A finished model's forward pass on a CPU: what `GPT.forward` says, up to rounding, without its waste.

Prompts stand one behind the other: nothing is computed for padding or hidden by a mask. Each core reads some of them from the
first layer to the last, so that what a step makes is in its own cache when the next one takes it, and none waits for another at
every operation, as torch's own threads do. Weights are cast, or made integers, once.

Where 8-bit integers are what the processor multiplies fastest (gpt/processor.py), matrix products are made of them: of the
weights as a release stores them, with a scale an output channel, and of activations with a scale a token; sums are exact
(vector-wise quantization, Dettmers et al. 2022, section 3.1). Attention and all else run in float32 then.
"""

from __future__ import annotations

import functools
import heapq
import itertools
import math
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple, cast

import torch
import torch.nn.functional as F
from torch import Tensor

from gpt.model import GPT, Block, norm
from gpt.processor import Arithmetic
from gpt.quantize import LARGEST, quantize_rows

GROUP_TOKENS = 800  # read together by one core, at most: more leave its cache
_DTYPES = {"bfloat16": torch.bfloat16, "int8": torch.float32, "float32": torch.float32}
_SMALLEST = 1e-30  # of a row of zeros

Product = Callable[[Tensor], Tensor]


class _Layer(NamedTuple):
    """The matrix products of a block."""

    qkv: Product
    mixed: Product
    gate_up: Product
    out: Product


def _layer(block: Block, make: Callable[[Tensor], Product]) -> _Layer:
    linears = (block.attention.qkv, block.attention.out, block.mlp.gate_up, block.mlp.out)
    return _Layer(*(make(linear.weight.detach()) for linear in linears))


class Engine:
    """The trunk of `model` as it is now, ready to read. Safe to use from several threads."""

    def __init__(self, model: GPT, kind: Arithmetic | None = None):
        """kind None: in the model's own dtype."""
        self._dtype = _DTYPES[kind] if kind else model.compute_dtype
        self._config = model.config
        make = _integers if kind == "int8" else self._floats
        self._tokens, self._marks = model.embedding.weight.detach(), model.mark_embedding.weight.detach()
        # [x1, x2] * cos + [x2, x1] * sin is `rotate`
        self._cos = torch.cat((model.cos, model.cos), -1).to(self._dtype)
        self._sin = torch.cat((-model.sin, model.sin), -1).to(self._dtype)
        self._layers = [_layer(cast(Block, block), make) for block in model.blocks]

    def __call__(self, ids: Tensor, marks: Tensor, lengths: Sequence[int]) -> Tensor:
        """Hidden states (B, T, C), normed, of rows that attend in both directions; 0 for padding. ids, marks (B, T) int64;
        lengths: of each row how many tokens are no padding."""
        hidden = torch.zeros(*ids.shape, self._config.n_embd, dtype=self._dtype)

        @torch.inference_mode()
        def read(rows: Sequence[int]) -> None:
            ends = list(itertools.accumulate(lengths[row] for row in rows))
            places = list(zip([0, *ends[:-1]], ends, strict=True))
            packed = [torch.cat([values[row, : lengths[row]] for row in rows]) for values in (ids, marks)]
            states = self._read(packed[0], packed[1], places)
            for row, (start, end) in zip(rows, places, strict=True):
                hidden[row, : end - start] = states[start:end]

        cores = _cores()
        groups = _groups(lengths, 1 if cores is None else cores.size)
        for _ in map(read, groups) if cores is None else cores.pool.map(read, groups):
            pass  # what a core raises is raised here
        return hidden

    def _read(self, ids: Tensor, marks: Tensor, places: list[tuple[int, int]]) -> Tensor:
        """(N, C) for ids, marks (N,) of rows that stand at `places`."""
        x = (F.embedding(ids, self._tokens) + F.embedding(marks, self._marks)).to(self._dtype)
        cos, sin = (torch.cat([table[: end - start] for start, end in places]) for table in (self._cos, self._sin))
        for layer in self._layers:
            x = x + layer.mixed(self._mix(layer.qkv(norm(x)), cos, sin, places))
            gate, up = layer.gate_up(norm(x)).chunk(2, dim=-1)
            x = x + layer.out(F.silu(gate).mul_(up))
        return norm(x)

    def _mix(self, qkv: Tensor, cos: Tensor, sin: Tensor, places: list[tuple[int, int]]) -> Tensor:
        """Attention's mixed values (N, C) of queries, keys and values (N, 3 C); cos, sin (N, D)."""
        D = self._config.head_dim
        N, H = len(qkv), self._config.n_embd // D
        heads = qkv.view(N, 3 * H, D).transpose(0, 1).contiguous()  # (3 H, N, D): queries, keys, values
        qk = norm(heads[: 2 * H])
        qk = (qk * cos).addcmul_(qk.roll(D // 2, -1), sin)
        q, k, v = qk[:H] * D**-0.5, qk[H:], heads[2 * H :]
        mixed = torch.empty(N, H, D, dtype=qkv.dtype)
        for start, end in places:
            scores = torch.bmm(q[:, start:end], k[:, start:end].transpose(1, 2))  # (H, T, T)
            mixed[start:end] = torch.bmm(torch.softmax(scores, -1), v[:, start:end]).transpose(0, 1)
        return mixed.view(N, H * D)

    def _floats(self, weight: Tensor) -> Product:
        """x W^T in the engine's dtype."""
        ready = weight.to(self._dtype)
        return lambda x: F.linear(x, ready)


def _integers(weight: Tensor) -> Product:
    """x W^T for x (N, K) float32, both rounded to integers in -127..127: W a row, x a token at a time."""
    q, scale = quantize_rows(weight)
    turned, scale = q.t(), scale / LARGEST

    def product(x: Tensor) -> Tensor:
        largest = x.abs().amax(dim=-1, keepdim=True).clamp_(min=_SMALLEST)
        rounded = (x * (LARGEST / largest)).round_().to(torch.int8)
        return torch._int_mm(rounded, turned).float().mul_(largest).mul_(scale)

    return product


def _groups(lengths: Sequence[int], n_cores: int) -> list[list[int]]:
    """Rows that are read together, the largest group first: as few groups as hold GROUP_TOKENS and give each core as many, and
    of about as many tokens (the longest row first, to the group that has least)."""
    n_groups = min(len(lengths), n_cores * math.ceil(sum(lengths) / (n_cores * GROUP_TOKENS)))
    groups: list[tuple[int, list[int]]] = [(0, []) for _ in range(n_groups)]
    for row in sorted(range(len(lengths)), key=lambda row: -lengths[row]):
        tokens, rows = heapq.heappop(groups)
        heapq.heappush(groups, (tokens + lengths[row], [*rows, row]))
    return [rows for _, rows in sorted(groups, reverse=True)]


class _Cores(NamedTuple):
    """Threads of this process that compute with one core each."""

    pool: ThreadPoolExecutor
    size: int


def _compute_alone() -> None:
    """This thread uses one core from now on."""
    torch.get_num_threads()  # a thread's first look at it would take what others have set
    torch.set_num_threads(1)


@functools.cache
def _cores() -> _Cores | None:
    """As many as torch uses; None for a single one, where the calling thread does as well."""
    size = torch.get_num_threads()
    if size == 1:
        return None
    started = threading.Barrier(size)
    pool = ThreadPoolExecutor(size, thread_name_prefix="reader", initializer=_compute_alone)
    list(pool.map(lambda _: started.wait(), range(size)))  # each is there
    torch.set_num_threads(size)  # what one of them set would go for threads to come, too
    return _Cores(pool, size)
