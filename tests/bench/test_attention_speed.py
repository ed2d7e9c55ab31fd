"""A training step's attention on a CPU: plain matrix products beside the fused kernel, at a reading batch's size.

pytest -m bench tests/bench/test_attention_speed.py -s
"""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F

from gpt.model import attend, attention_mask

B, H, T, D = 44, 4, 192, 64  # 8,448 tokens of `mini`
Attention = Callable[[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor], torch.Tensor]


def fused(q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    return F.scaled_dot_product_attention(q, k, v, attn_mask=mask)


def seconds(attention: Attention) -> float:
    """The median of seven forward and backward passes."""
    torch.manual_seed(0)
    q, k, v = (torch.randn(B, H, T, D, dtype=torch.bfloat16, requires_grad=True) for _ in range(3))
    lengths = torch.full((B,), T)
    mask = attention_mask(lengths, lengths, T)
    times = []
    for _ in range(7):
        started = time.perf_counter()
        attention(q, k, v, mask).float().square().mean().backward()
        times.append(time.perf_counter() - started)
    return sorted(times)[3]


@pytest.mark.bench
def test_plain_products_train_faster_than_the_fused_kernel() -> None:
    times = {"fused": [], "plain": []}
    for name, attention in (("fused", fused), ("plain", attend), ("plain", attend), ("fused", fused)):
        times[name].append(seconds(attention))
    plain, kernel = min(times["plain"]), min(times["fused"])
    print(f"\nforward and backward: fused {kernel:.3f} s, plain {plain:.3f} s, ratio {kernel / plain:.2f}")  # noqa: T201
    assert kernel > plain
