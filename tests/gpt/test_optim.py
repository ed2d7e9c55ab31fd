"""Muon and AdamW beside torch's own and beside the singular value decomposition; the schedule by hand."""

from __future__ import annotations

import pytest
import torch

from gpt.config import TrainConfig
from gpt.model import GPT
from gpt.optim import MuonAdamW, lr_scale, orthogonalize


def test_orthogonalize_is_close_to_the_nearest_orthogonal_matrix() -> None:
    torch.manual_seed(0)
    for shape in ((3, 16, 40), (2, 40, 16)):
        g = torch.randn(shape)
        u, _, vh = torch.linalg.svd(g, full_matrices=False)
        x = orthogonalize(g).float()
        assert torch.linalg.svdvals(x).min() > 0.6
        assert torch.linalg.svdvals(x).max() < 1.3
        cosine = torch.nn.functional.cosine_similarity(x.flatten(1), (u @ vh).flatten(1))
        assert cosine.min() > 0.97


@pytest.mark.parametrize("embedding_rate", [1.0, 0.1, 0.0])
def test_everything_outside_the_blocks_steps_as_torchs_adamw(model: GPT, embedding_rate: float) -> None:
    config = TrainConfig(
        steps=100, warmup_steps=0, cooldown=0.0, weight_decay=0.0, adam_lr=0.01, embedding_rate=embedding_rate
    )
    optimizer = MuonAdamW(model, config)
    twin = {n: p.detach().clone().requires_grad_() for n, p in optimizer.others.items()}
    rates = {name: embedding_rate if name == "embedding.weight" else 1.0 for name in twin}
    groups = [{"params": [p], "lr": 0.01 * rates[name]} for name, p in twin.items()]
    reference = torch.optim.AdamW(groups, betas=optimizer.betas, eps=optimizer.eps, weight_decay=0.0)
    for step in range(4):
        torch.manual_seed(step)
        for p in (*optimizer.matrices.values(), *optimizer.others.values()):
            p.grad = torch.randn_like(p)
        for name, p in twin.items():
            p.grad = optimizer.others[name].grad.clone()
        optimizer.step(step)
        reference.step()
    for name, p in twin.items():
        torch.testing.assert_close(optimizer.others[name], p, atol=1e-6, rtol=1e-5)


def test_stacked_matrices_step_as_each_alone(model: GPT) -> None:
    config = TrainConfig(steps=10, warmup_steps=0, cooldown=0.0, weight_decay=0.1)
    optimizer = MuonAdamW(model, config)
    p = next(iter(optimizer.matrices.values()))
    before = p.detach().clone()
    torch.manual_seed(0)
    for q in optimizer.matrices.values():
        q.grad = torch.randn_like(q)
    grad = p.grad.clone()
    optimizer.step(0)
    momentum = 0.05 * grad
    update = orthogonalize((0.05 * grad + 0.95 * momentum)[None])[0].float() * max(1.0, p.size(0) / p.size(1)) ** 0.5
    expected = before * (1 - config.muon_lr * 0.1) - config.muon_lr * update
    torch.testing.assert_close(p.detach(), expected, atol=2e-4, rtol=0.02)
    assert all(q.grad is None for q in model.parameters())


def test_only_matrices_of_the_blocks_go_to_muon(model: GPT) -> None:
    optimizer = MuonAdamW(model, TrainConfig(steps=1))
    assert set(optimizer.others) == {"embedding.weight", "mark_embedding.weight", "span_head.weight"}
    assert len(optimizer.matrices) == 4 * model.config.n_layer


def test_the_schedule_runs_once_a_cycle() -> None:
    one, both = (TrainConfig(steps=steps, cycles=cycles, warmup_steps=0) for steps, cycles in ((50, 1), (100, 2)))
    assert [lr_scale(step, both) for step in range(100)] == 2 * [lr_scale(step, one) for step in range(50)]
    uneven = TrainConfig(steps=11, cycles=3)
    assert [uneven.cycle_of(step) for step in (0, 3, 4, 7, 8, 10)] == [
        *[(0, 0, 4)] * 2,
        *[(1, 4, 8)] * 2,
        *[(2, 8, 11)] * 2,
    ]


@pytest.mark.parametrize(
    ("step", "expected"), [(0, 0.1), (4, 0.5), (9, 1.0), (40, 1.0), (50, 1.0), (75, 0.5), (99, 0.02)]
)
def test_the_schedule_warms_up_holds_and_cools_to_zero(step: int, expected: float) -> None:
    config = TrainConfig(steps=100, warmup_steps=10, cooldown=0.5)
    assert lr_scale(step, config) == pytest.approx(expected)
