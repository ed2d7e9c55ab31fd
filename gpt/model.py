"""The forward pass and nothing else.

A legend of letters: B batch, T time (tokens of a row), C channels (n_embd), H heads, D head size, V vocabulary.
The trunk is Qwen3's shape without learned norm gains; attention is causal, or bidirectional over each row's prefix
(prefix-LM: Raffel et al. 2020, section 3.2). Two heads share it: `logits` writes, `span_logits` points.
Master weights are float32; `compute_dtype` is what the matrix products run in. A finished model reads faster in gpt/engine.py.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gpt.config import GPTConfig
from gpt.processor import fast_dtype

if TYPE_CHECKING:
    from torch.nn.attention.flex_attention import BlockMask


class Linear(nn.Module):
    """y = x W^T in x's dtype; W is kept in float32."""

    def __init__(self, n_in: int, n_out: int):
        super().__init__()
        self.weight = nn.Parameter(torch.empty(n_out, n_in))

    def forward(self, x: Tensor) -> Tensor:
        return F.linear(x, self.weight.to(x.dtype))


def norm(x: Tensor) -> Tensor:
    """Root-mean-square norm over the last dimension, without a gain (Zhang & Sennrich 2019)."""
    return F.rms_norm(x, (x.size(-1),), eps=1e-6)


def rotary_table(length: int, head_dim: int, base: float) -> tuple[Tensor, Tensor]:
    """cos and sin of position * frequency, each (length, head_dim / 2), float32 (Su et al. 2021)."""
    frequency = base ** (-torch.arange(0, head_dim, 2, dtype=torch.float32) / head_dim)
    angle = torch.arange(length, dtype=torch.float32)[:, None] * frequency
    return angle.cos(), angle.sin()


def rotate(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Rotates the halves (x1, x2) of each head of x (B, H, T, D) by its position's angle; cos, sin (T, D/2)."""
    x1, x2 = x.chunk(2, dim=-1)
    return torch.cat((x1 * cos - x2 * sin, x2 * cos + x1 * sin), dim=-1)


def attention_mask(lengths: Tensor, prefix: Tensor, size: int) -> Tensor:
    """(B, 1, T, T) bool, True where query i may see key j: j < prefix, or j <= i; padding (j >= length) is never seen.

    lengths, prefix: (B,) tokens of each row and how many of them attend in both directions. Padded queries see
    the row's tokens, so that no row of the softmax is empty.
    """
    i = torch.arange(size, device=lengths.device)
    seen = (i[None, None, :] <= i[None, :, None]) | (i[None, None, :] < prefix[:, None, None])
    return (seen & (i[None, None, :] < lengths[:, None, None]))[:, None]


def attend(q: Tensor, k: Tensor, v: Tensor, mask: Tensor | BlockMask | None) -> Tensor:
    """softmax(q k^T / sqrt(D) + mask) v; q, k, v (B, H, T, D). mask None is causal, a BlockMask is for a GPU (gpt/cuda.py).

    Under a mask plain matrix products are faster than the fused kernel on a CPU at these lengths (docs/log.md), elsewhere not.
    """
    if mask is not None and not isinstance(mask, Tensor):
        from torch.nn.attention.flex_attention import flex_attention

        return flex_attention(q, k, v, block_mask=mask)
    is_training = torch.is_grad_enabled()
    if q.device.type != "cpu" or (mask is None and not is_training):
        return F.scaled_dot_product_attention(q, k, v, attn_mask=mask, is_causal=mask is None)
    if mask is None:
        mask = torch.ones(q.size(-2), k.size(-2), dtype=torch.bool, device=q.device).tril()
    scores = (q * q.size(-1) ** -0.5) @ k.transpose(-1, -2)
    if is_training:
        scores = scores + torch.zeros(mask.shape, dtype=q.dtype, device=q.device).masked_fill(~mask, float("-inf"))
    else:
        scores.masked_fill_(~mask, float("-inf"))  # in place: no gradient needs what was there
    return torch.softmax(scores, dim=-1) @ v


class Attention(nn.Module):
    def __init__(self, config: GPTConfig):
        super().__init__()
        self.head_dim = config.head_dim
        self.qkv = Linear(config.n_embd, 3 * config.n_embd)
        self.out = Linear(config.n_embd, config.n_embd)

    def forward(self, x: Tensor, rotary: tuple[Tensor, Tensor], mask: Tensor | BlockMask | None) -> Tensor:
        B, T, C = x.shape
        q, k, v = self.qkv(x).view(B, T, 3, -1, self.head_dim).permute(2, 0, 3, 1, 4)  # each (B, H, T, D)
        q, k = rotate(norm(q), *rotary), rotate(norm(k), *rotary)
        y = attend(q, k, v, mask)  # (B, H, T, D)
        return self.out(y.transpose(1, 2).reshape(B, T, C))


class MLP(nn.Module):
    """SwiGLU (Shazeer 2020): out(silu(gate(x)) * up(x))."""

    def __init__(self, config: GPTConfig):
        super().__init__()
        self.gate_up = Linear(config.n_embd, 2 * config.n_hidden)
        self.out = Linear(config.n_hidden, config.n_embd)

    def forward(self, x: Tensor) -> Tensor:
        gate, up = self.gate_up(x).chunk(2, dim=-1)
        return self.out(F.silu(gate) * up)


class Block(nn.Module):
    def __init__(self, config: GPTConfig):
        super().__init__()
        self.attention = Attention(config)
        self.mlp = MLP(config)

    def forward(
        self,
        x: Tensor,
        rotary: tuple[Tensor, Tensor],
        mask: Tensor | BlockMask | None,
        kept: Tensor | None = None,
    ) -> Tensor:
        """kept (2, B, 1, C): factors of what the two branches add, see `GPT.dropout`; None for none."""
        added = self.attention(norm(x), rotary, mask)
        x = x + (added if kept is None else added * kept[0])
        added = self.mlp(norm(x))
        return x + (added if kept is None else added * kept[1])


class GPT(nn.Module):
    """ids -> hidden states, and from them next-token logits or span logits.

    dropout: while training, the probability that a channel of what a branch adds to a row is dropped, at all of the row's
    positions (Gal & Ghahramani 2016): as many random numbers as a row has channels, not as it has values.
    compute_dtype: None is what is fastest where the weights are.
    """

    def __init__(self, config: GPTConfig, compute_dtype: torch.dtype | None = None):
        super().__init__()
        self.config = config
        self.fixed_dtype = compute_dtype
        self.dropout = 0.0
        self.embedding = nn.Embedding(config.vocab_size, config.n_embd)
        self.mark_embedding = nn.Embedding(config.n_marks, config.n_embd)
        self.blocks = nn.ModuleList(Block(config) for _ in range(config.n_layer))
        self.span_head = Linear(config.n_embd, 2)
        cos, sin = rotary_table(config.context_len, config.head_dim, config.rope_base)
        self.cos: Tensor
        self.sin: Tensor
        self.register_buffer("cos", cos, persistent=False)
        self.register_buffer("sin", sin, persistent=False)
        self.init_weights()

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return self.embedding.weight.device

    @property
    def compute_dtype(self) -> torch.dtype:
        """What the matrix products run in."""
        return self.fixed_dtype or fast_dtype(self.device)

    def init_weights(self) -> None:
        """Embeddings N(0, 0.5), marks N(0, 0.3), matrices N(0, 1/n_in); everything that ends a residual branch, and
        the span head, starts at zero, so the stack begins as the identity (modded-nanogpt, zero-init projections)."""
        nn.init.normal_(self.embedding.weight, std=0.5)
        nn.init.normal_(self.mark_embedding.weight, std=0.3)
        nn.init.zeros_(self.span_head.weight)
        for module in self.modules():
            if isinstance(module, Attention | MLP):
                first = module.qkv if isinstance(module, Attention) else module.gate_up
                nn.init.normal_(first.weight, std=first.weight.size(1) ** -0.5)
                nn.init.zeros_(module.out.weight)

    def forward(self, ids: Tensor, marks: Tensor | None = None, mask: Tensor | BlockMask | None = None) -> Tensor:
        """Hidden states (B, T, C), normed. ids, marks (B, T) int64; mask as `attention_mask` makes it, None causal."""
        T = ids.size(1)
        if self.config.context_len < T:
            raise ValueError(f"a row of {T} tokens exceeds context_len={self.config.context_len}")
        x = self.embedding(ids)
        if marks is not None:
            x = x + self.mark_embedding(marks)
        x = x.to(self.compute_dtype)  # (B, T, C)
        rotary = (self.cos[:T].to(x.dtype), self.sin[:T].to(x.dtype))
        kept = self._kept(x) if self.training and self.dropout else None
        for i, block in enumerate(self.blocks):
            x = block(x, rotary, mask) if kept is None else block(x, rotary, mask, kept[i])
        return norm(x)

    def _kept(self, x: Tensor) -> Tensor:
        """(L, 2, B, 1, C): 0 for a channel that is dropped, else what keeps its mean."""
        shape = (self.config.n_layer, 2, x.size(0), 1, x.size(2))
        return torch.bernoulli(torch.full(shape, 1 - self.dropout, device=x.device)).to(x.dtype) / (1 - self.dropout)

    def logits(self, hidden: Tensor) -> Tensor:
        """Next-token logits (..., V), float32; the embedding is tied, scaled by C^-1/2 (a gain of the final norm)."""
        return F.linear(hidden * self.config.n_embd**-0.5, self.embedding.weight.to(hidden.dtype)).float()

    def span_logits(self, hidden: Tensor) -> Tensor:
        """Logits (B, T, 2), float32, of an answer's first and last token standing at each position."""
        return self.span_head(hidden).float()
