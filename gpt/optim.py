"""Muon for the matrices of the blocks, AdamW for the rest; the schedule is a pure function of the step.

Muon: Jordan et al. 2024 (momentum, then the nearest orthogonal matrix by Newton-Schulz); 1.6x fewer steps than AdamW on
GPTs of this size. AdamW: Loshchilov & Hutter 2019.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from gpt.config import TrainConfig
from gpt.processor import fast_dtype

_NEWTON_SCHULZ = (3.4445, -4.7750, 2.0315)  # quintic whose iterates send singular values into about [0.7, 1.2]


def lr_scale(step: int, config: TrainConfig) -> float:
    """The learning rate's factor: linear warmup, then in each cycle constant and linear to zero over the last `cooldown`
    of its steps."""
    warmup = min(1.0, (step + 1) / max(1, config.warmup_steps))
    _, first, end = config.cycle_of(step)
    left = (end - step) / (end - first)
    return min(warmup, left / config.cooldown) if config.cooldown else warmup


def orthogonalize(g: Tensor, steps: int = 5) -> Tensor:
    """An approximation of U V^T for each matrix g = U S V^T of a batch (N, a, b), in what is fastest there."""
    a, b, c = _NEWTON_SCHULZ
    x = g.to(fast_dtype(g.device))
    tall = x.size(-2) > x.size(-1)
    if tall:
        x = x.mT
    x = x / (x.norm(dim=(-2, -1), keepdim=True) + 1e-7)
    for _ in range(steps):
        xx = x @ x.mT
        x = a * x + (b * xx + c * (xx @ xx)) @ x
    return x.mT if tall else x


class MuonAdamW:
    """One optimizer over a GPT: block matrices of one shape are stacked and stepped together.

    State tensors are named after their parameter (`muon.NAME`, `adam_m.NAME`, `adam_v.NAME`) for the checkpoint.
    """

    momentum, betas, eps = 0.95, (0.9, 0.98), 1e-8

    def __init__(self, model: nn.Module, config: TrainConfig):
        self.config = config
        named = dict(model.named_parameters())
        self.matrices = {name: p for name, p in named.items() if p.ndim == 2 and name.startswith("blocks.")}
        self.others = {name: p for name, p in named.items() if name not in self.matrices}
        self.state: dict[str, Tensor] = {f"muon.{n}": torch.zeros_like(p) for n, p in self.matrices.items()}
        for kind in ("adam_m", "adam_v"):
            self.state |= {f"{kind}.{n}": torch.zeros_like(p) for n, p in self.others.items()}
        self._stacks: dict[torch.Size, list[str]] = {}
        for name, p in self.matrices.items():
            self._stacks.setdefault(p.shape, []).append(name)

    @torch.no_grad()
    def step(self, step: int) -> float:
        """One update from the gradients, which it clears; returns the schedule's factor."""
        scale = lr_scale(step, self.config)
        self._muon(self.config.muon_lr * scale)
        self._adamw(self.config.adam_lr * scale, step + 1)
        for p in (*self.matrices.values(), *self.others.values()):
            p.grad = None
        return scale

    def _muon(self, lr: float) -> None:
        for shape, names in self._stacks.items():
            updates = []
            for name in names:
                grad, buffer = self.matrices[name].grad, self.state[f"muon.{name}"]
                assert grad is not None, name
                buffer.lerp_(grad, 1 - self.momentum)
                updates.append(grad.lerp(buffer, self.momentum))  # Nesterov
            factor = max(1.0, shape[0] / shape[1]) ** 0.5
            for name, update in zip(names, orthogonalize(torch.stack(updates)), strict=True):
                p = self.matrices[name]
                p.mul_(1 - lr * self.config.weight_decay).add_(update.to(p.dtype), alpha=-lr * factor)

    def _adamw(self, lr: float, t: int) -> None:
        b1, b2 = self.betas
        for name, p in self.others.items():
            if p.grad is None:  # the span head while pretraining
                continue
            m, v = self.state[f"adam_m.{name}"], self.state[f"adam_v.{name}"]
            m.lerp_(p.grad, 1 - b1)
            v.lerp_(p.grad.square(), 1 - b2)
            denominator = (v / (1 - b2**t)).sqrt_().add_(self.eps)
            rate = self.config.embedding_rate if name == "embedding.weight" else 1.0
            p.addcdiv_(m, denominator, value=-lr * rate / (1 - b1**t))
