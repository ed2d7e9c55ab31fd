"""The training loop as it was first released (commit 6e44e6d), frozen to measure later ones against.

Eager modules, a cast of every weight at every use, the additive mask built anew in every layer, logits of all positions
at once, and Muon beside AdamW with an average of the weights, step by step. Nothing here is kept up to date.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gpt.config import GPTConfig


class Linear(nn.Module):
    def __init__(self, n_in: int, n_out: int):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(n_out, n_in) * n_in**-0.5)

    def forward(self, x: Tensor) -> Tensor:
        return F.linear(x, self.weight.to(x.dtype))


def norm(x: Tensor) -> Tensor:
    return F.rms_norm(x, (x.size(-1),), eps=1e-6)


def rotate(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    x1, x2 = x.chunk(2, dim=-1)
    return torch.cat((x1 * cos - x2 * sin, x2 * cos + x1 * sin), dim=-1)


def attend(q: Tensor, k: Tensor, v: Tensor, mask: Tensor) -> Tensor:
    bias = torch.zeros(mask.shape, dtype=q.dtype, device=q.device).masked_fill(~mask, float("-inf"))
    return torch.softmax((q * q.size(-1) ** -0.5) @ k.transpose(-1, -2) + bias, dim=-1) @ v


class Block(nn.Module):
    """Attention with QK norm, then SwiGLU."""

    def __init__(self, config: GPTConfig):
        super().__init__()
        self.head_dim = config.head_dim
        self.qkv = Linear(config.n_embd, 3 * config.n_embd)
        self.attention_out = Linear(config.n_embd, config.n_embd)
        self.gate_up = Linear(config.n_embd, 2 * config.n_hidden)
        self.mlp_out = Linear(config.n_hidden, config.n_embd)

    def forward(self, x: Tensor, rotary: tuple[Tensor, Tensor], mask: Tensor) -> Tensor:
        B, T, C = x.shape
        q, k, v = self.qkv(norm(x)).view(B, T, 3, -1, self.head_dim).permute(2, 0, 3, 1, 4)
        y = attend(rotate(norm(q), *rotary), rotate(norm(k), *rotary), v, mask)
        x = x + self.attention_out(y.transpose(1, 2).reshape(B, T, C))
        gate, up = self.gate_up(norm(x)).chunk(2, dim=-1)
        return x + self.mlp_out(F.silu(gate) * up)


class FrozenGPT(nn.Module):
    def __init__(self, config: GPTConfig):
        super().__init__()
        self.config = config
        self.embedding = nn.Embedding(config.vocab_size, config.n_embd)
        self.mark_embedding = nn.Embedding(config.n_marks, config.n_embd)
        self.blocks = nn.ModuleList(Block(config) for _ in range(config.n_layer))
        self.span_head = Linear(config.n_embd, 2)
        frequency = config.rope_base ** (-torch.arange(0, config.head_dim, 2) / config.head_dim)
        self.angle = torch.arange(config.context_len)[:, None] * frequency

    def forward(self, ids: Tensor, marks: Tensor | None, mask: Tensor) -> Tensor:
        x = self.embedding(ids)
        if marks is not None:
            x = x + self.mark_embedding(marks)
        x = x.to(torch.bfloat16)
        angle = self.angle[: ids.size(1)]
        rotary = (angle.cos().to(x.dtype), angle.sin().to(x.dtype))
        for block in self.blocks:
            x = block(x, rotary, mask)
        return norm(x)

    def logits(self, hidden: Tensor) -> Tensor:
        return F.linear(hidden * self.config.n_embd**-0.5, self.embedding.weight.to(hidden.dtype)).float()

    def span_logits(self, hidden: Tensor) -> Tensor:
        return self.span_head(hidden).float()


def orthogonalize(g: Tensor, steps: int = 5) -> Tensor:
    x = g.to(torch.bfloat16)
    tall = x.size(-2) > x.size(-1)
    x = x.mT if tall else x
    x = x / (x.norm(dim=(-2, -1), keepdim=True) + 1e-7)
    for _ in range(steps):
        xx = x @ x.mT
        x = 3.4445 * x + (-4.7750 * xx + 2.0315 * (xx @ xx)) @ x
    return x.mT if tall else x


class FrozenLoop:
    """One step at a time: loss, backward, Muon and AdamW, and the average of the weights."""

    def __init__(self, model: FrozenGPT, loss: Callable[[FrozenGPT, int], tuple[Tensor, int]]):
        self.model, self.loss, self.step = model, loss, 0
        named = dict(model.named_parameters())
        self.matrices = {n: p for n, p in named.items() if p.ndim == 2 and n.startswith("blocks.")}
        self.others = {n: p for n, p in named.items() if n not in self.matrices}
        self.momentum = {n: torch.zeros_like(p) for n, p in self.matrices.items()}
        self.first = {n: torch.zeros_like(p) for n, p in self.others.items()}
        self.second = {n: torch.zeros_like(p) for n, p in self.others.items()}
        self.average = {n: p.detach().clone() for n, p in named.items()}

    def advance(self) -> int:
        """One step; how many tokens its batch held."""
        loss, tokens = self.loss(self.model, self.step)
        loss.backward()
        self.step += 1
        with torch.no_grad():
            self._muon(0.02)
            self._adamw(0.003)
            for p in self.model.parameters():
                p.grad = None
            for name, p in self.model.named_parameters():
                self.average[name].lerp_(p, 0.002)
        loss.item()
        return tokens

    def _muon(self, lr: float) -> None:
        for shape in {p.shape for p in self.matrices.values()}:
            names = [n for n, p in self.matrices.items() if p.shape == shape]
            updates = []
            for name in names:
                grad = self.matrices[name].grad
                assert grad is not None, name
                self.momentum[name].lerp_(grad, 0.05)
                updates.append(grad.lerp(self.momentum[name], 0.95))
            for name, update in zip(names, orthogonalize(torch.stack(updates)), strict=True):
                p = self.matrices[name]
                p.mul_(1 - lr * 0.01).add_(update.to(p.dtype), alpha=-lr * max(1.0, shape[0] / shape[1]) ** 0.5)

    def _adamw(self, lr: float) -> None:
        for name, p in self.others.items():
            if p.grad is None:
                continue
            self.first[name].lerp_(p.grad, 0.1)
            self.second[name].lerp_(p.grad.square(), 0.02)
            denominator = (self.second[name] / (1 - 0.98**self.step)).sqrt_().add_(1e-8)
            p.addcdiv_(self.first[name], denominator, value=-lr / (1 - 0.9**self.step))


def pretraining_loss(model: FrozenGPT, ids: Tensor, targets: Tensor, mask: Tensor) -> Tensor:
    """Mean cross-entropy where a target is not -1."""
    hidden = model(ids, None, mask)
    wanted = targets >= 0
    return F.cross_entropy(model.logits(hidden[wanted]), targets[wanted])


def reading_loss(model: FrozenGPT, ids: Tensor, marks: Tensor, mask: Tensor, target: Tensor) -> Tensor:
    """Mean of -log P(first token) and -log P(last token)."""
    log_p = model.span_logits(model(ids, marks, mask)).log_softmax(dim=1)
    return -log_p.gather(1, target[:, None, :]).mean()
