"""Cross-entropy of a tied output embedding without ever holding all logits.

65,536 tokens times 8,192 words are 2 GiB of float32 logits, and as much again for their gradient. Here they exist for
one chunk of tokens at a time: the gradients are made in the forward pass, while a chunk's logits are at hand (as in Liger
Kernel's fused linear cross-entropy, Hsu et al. 2024).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

CHUNK_TOKENS = 16_384  # on a GPU: 256 MiB of bfloat16 logits


def chunk_loss(hidden: Tensor, weight: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
    """Sum of -log P(target) over (n, C) hidden states, float32, and its gradient by the logits (n, V) in their dtype.

    weight (V, C) in hidden's dtype; targets (n,), -1 where no loss is taken.
    """
    logits = F.linear(hidden, weight).float()
    wanted = (targets >= 0).unsqueeze(1)
    at = targets.clamp(min=0).unsqueeze(1)
    log_sum = logits.logsumexp(dim=1, keepdim=True)
    loss = ((log_sum - logits.gather(1, at)) * wanted).sum()
    here = torch.arange(logits.size(1), device=logits.device) == at  # (n, V); fuses, where a scatter would not
    grad = ((logits - log_sum).exp() - here.to(logits.dtype)) * wanted
    return loss, grad.to(hidden.dtype)


class _LinearCrossEntropy(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, hidden: Tensor, weight: Tensor, targets: Tensor, of_chunk: Callable[..., Any], size: int
    ) -> Tensor:
        w = weight.to(hidden.dtype)
        grad_hidden = torch.empty_like(hidden)
        grad_weight = torch.zeros_like(weight)
        loss = torch.zeros((), device=hidden.device)
        for at in range(0, len(hidden), size):
            part = slice(at, at + size)
            part_loss, grad = of_chunk(hidden[part], w, targets[part])
            loss += part_loss
            torch.mm(grad, w, out=grad_hidden[part])
            grad_weight += grad.T @ hidden[part]
        scale = 1 / (targets >= 0).sum().clamp(min=1)
        ctx.save_for_backward(grad_hidden, grad_weight, scale)
        return loss * scale

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Tensor) -> tuple[Tensor, Tensor, None, None, None]:
        grad_hidden, grad_weight, scale = ctx.saved_tensors
        by = grad_outputs[0] * scale
        return grad_hidden * by.to(grad_hidden.dtype), grad_weight * by, None, None, None


def linear_cross_entropy(
    hidden: Tensor,
    weight: Tensor,
    targets: Tensor,
    of_chunk: Callable[..., Any] = chunk_loss,
    chunk_tokens: int = CHUNK_TOKENS,
) -> Tensor:
    """Mean of -log softmax(hidden weight^T)[target] in nats over the targets that are not -1; 0 when there are none.

    hidden (n, C) in the dtype the products run in, weight (V, C), targets (n,) int64. `of_chunk` is `chunk_loss` or a
    compiled form of it. The result can be differentiated once, by hidden and weight.
    """
    loss: Tensor = _LinearCrossEntropy.apply(hidden, weight, targets, of_chunk, chunk_tokens)
    return loss
