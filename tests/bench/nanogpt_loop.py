"""A training loop in the manner of nanoGPT, written anew from its published description, to measure ours against.

GPT-2's blocks without biases: LayerNorm, fused scaled-dot-product attention, a GELU MLP, learned positions, tied
embeddings; AdamW with weight decay on matrices (fused), autocast to bfloat16, logits and cross-entropy at every
position, gradients clipped at norm 1, a cosine schedule. The MLP is made as wide as equal parameters ask.
On a CPU its readme advises float32 without compiling; both are granted here.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gpt.config import GPTConfig


class Block(nn.Module):
    def __init__(self, width: int, n_head: int, hidden: int):
        super().__init__()
        self.n_head = n_head
        self.norm_1, self.norm_2 = nn.LayerNorm(width, bias=False), nn.LayerNorm(width, bias=False)
        self.qkv, self.proj = nn.Linear(width, 3 * width, bias=False), nn.Linear(width, width, bias=False)
        self.up, self.down = nn.Linear(width, hidden, bias=False), nn.Linear(hidden, width, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        B, T, C = x.shape
        q, k, v = (
            part.view(B, T, self.n_head, -1).transpose(1, 2) for part in self.qkv(self.norm_1(x)).split(C, dim=2)
        )
        y = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + self.proj(y.transpose(1, 2).reshape(B, T, C))
        return x + self.down(F.gelu(self.up(self.norm_2(x))))


class NanoGPT(nn.Module):
    """As deep and as wide as `config`, with as many parameters in its blocks."""

    def __init__(self, config: GPTConfig, block_size: int):
        super().__init__()
        width = config.n_embd
        self.tokens, self.positions = nn.Embedding(config.vocab_size, width), nn.Embedding(block_size, width)
        hidden = 3 * config.n_hidden // 2
        self.blocks = nn.ModuleList(Block(width, config.n_head, hidden) for _ in range(config.n_layer))
        self.norm = nn.LayerNorm(width, bias=False)
        self.head = nn.Linear(width, config.vocab_size, bias=False)
        for name, p in self.named_parameters():
            if p.ndim == 2:
                scale = (2 * config.n_layer) ** -0.5 if name.endswith(("proj.weight", "down.weight")) else 1.0
                nn.init.normal_(p, std=0.02 * scale)
        self.head.weight = self.tokens.weight

    def forward(self, ids: Tensor, targets: Tensor) -> Tensor:
        x = self.tokens(ids) + self.positions(torch.arange(ids.size(1), device=ids.device))
        for block in self.blocks:
            x = block(x)
        logits = self.head(self.norm(x))
        return F.cross_entropy(logits.flatten(0, 1), targets.flatten(), ignore_index=-1)


def adamw(model: nn.Module) -> torch.optim.AdamW:
    """Weight decay on matrices and embeddings alone."""
    parameters = list(model.parameters())
    groups = [
        {"params": [p for p in parameters if p.ndim >= 2], "weight_decay": 0.1},
        {"params": [p for p in parameters if p.ndim < 2], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=6e-4, betas=(0.9, 0.95), fused=True)


@dataclass
class NanoLoop:
    """Random crops of a token stream, `rows` of them a step."""

    model: nn.Module
    optimizer: torch.optim.AdamW
    tokens: np.ndarray  # (n,) uint16
    block_size: int
    rows: int
    step: int = 0

    def advance(self) -> int:
        """One step; how many tokens its batch held."""
        ids, targets = self._batch()
        self.step += 1
        for group in self.optimizer.param_groups:
            group["lr"] = 6e-5 + 0.5 * (1 + math.cos(math.pi * min(1, self.step / 1000))) * 5.4e-4
        with torch.autocast("cpu", dtype=torch.bfloat16):
            loss = self.model(ids, targets)
        loss.backward()
        nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        if self.step % 10 == 0:
            loss.item()
        return ids.numel()

    def _batch(self) -> tuple[Tensor, Tensor]:
        starts = torch.randint(len(self.tokens) - self.block_size, (self.rows,)).tolist()
        crops = [torch.from_numpy(self.tokens[i : i + self.block_size + 1].astype(np.int64)) for i in starts]
        rows = torch.stack(crops)
        return rows[:, :-1], rows[:, 1:]
