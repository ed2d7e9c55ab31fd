"""Compiled blocks compute what eager ones do."""

from __future__ import annotations

import pytest
import torch

from gpt import compiled
from gpt.compiled import compile_blocks
from gpt.config import GPTConfig, TrainConfig
from gpt.model import GPT, attention_mask

CONFIG = GPTConfig(depth=2, aspect=16, head_dim=16, vocab_size=320, context_len=64)


def test_a_short_run_is_not_compiled() -> None:
    assert compile_blocks(GPT(CONFIG), TrainConfig(steps=20)).startswith("not compiled: 20 steps")


def test_a_machine_without_a_compiler_trains_uncompiled_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compiled.shutil, "which", lambda name: None)
    assert "g++" in compile_blocks(GPT(CONFIG), TrainConfig(steps=10_000))


@pytest.mark.slow
def test_loss_and_gradients_equal_the_eager_model(tmp_path: object) -> None:
    """In float32, for two lengths, prefix and causal."""
    torch.manual_seed(0)
    eager, fast = GPT(CONFIG, torch.float32), GPT(CONFIG, torch.float32)
    with torch.no_grad():
        for p in eager.parameters():
            p.normal_(std=0.2)
    fast.load_state_dict(eager.state_dict())
    assert compile_blocks(fast, TrainConfig(steps=10_000)).startswith("compiled")
    for length in (16, 32):
        ids = torch.randint(0, 320, (3, length))
        lengths = torch.tensor([length, length - 3, length])
        mask = attention_mask(lengths, lengths // 2, length)
        for model in (eager, fast):
            model.zero_grad()
            model.logits(model(ids, mask=mask)).logsumexp(-1).mean().backward()
        for (name, a), b in zip(eager.named_parameters(), fast.parameters(), strict=True):
            if a.grad is not None:
                torch.testing.assert_close(a.grad, b.grad, atol=1e-4, rtol=1e-3, msg=name)
