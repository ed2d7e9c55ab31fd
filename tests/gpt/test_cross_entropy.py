"""The loss made chunk by chunk is torch's cross-entropy, and so are its gradients."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from gpt.cross_entropy import linear_cross_entropy


def case(n: int, dtype: torch.dtype) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    torch.manual_seed(0)
    hidden = torch.randn(n, 8, dtype=dtype, requires_grad=True)
    weight = torch.randn(30, 8, requires_grad=True)
    targets = torch.randint(30, (n,))
    targets[::3] = -1
    return hidden, weight, targets


@pytest.mark.parametrize("n", [1, 7, 64, 100])
def test_loss_and_gradients_are_those_of_the_plain_way(n: int) -> None:
    hidden, weight, targets = case(n, torch.float32)
    targets[-1] = 4
    loss = linear_cross_entropy(hidden, weight, targets, chunk_tokens=7)
    plain = F.cross_entropy(F.linear(hidden, weight), targets, ignore_index=-1)
    assert torch.allclose(loss, plain, atol=1e-6)
    for a, b in zip(
        torch.autograd.grad(3 * loss, (hidden, weight)), torch.autograd.grad(3 * plain, (hidden, weight)), strict=True
    ):
        assert torch.allclose(a, b, atol=1e-6)


def test_half_precision_keeps_float32_weights_and_their_gradient() -> None:
    hidden, weight, targets = case(64, torch.bfloat16)
    loss = linear_cross_entropy(hidden, weight, targets)
    loss.backward()
    exact = case(64, torch.float32)
    F.cross_entropy(F.linear(hidden.detach().float(), exact[1]), targets, ignore_index=-1).backward()
    assert hidden.grad is not None
    assert weight.grad is not None
    assert (hidden.grad.dtype, weight.grad.dtype) == (torch.bfloat16, torch.float32)
    assert exact[1].grad is not None
    assert torch.allclose(weight.grad, exact[1].grad, atol=0.01)


def test_no_target_at_all_is_no_loss() -> None:
    hidden, weight, targets = case(5, torch.float32)
    loss = linear_cross_entropy(hidden, weight, torch.full_like(targets, -1))
    loss.backward()
    assert loss.item() == 0
    assert hidden.grad is not None
    assert not hidden.grad.any()
