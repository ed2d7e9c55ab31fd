"""A grown model says what it said before, and its new blocks learn."""

from __future__ import annotations

import dataclasses

import pytest
import torch

from gpt.config import GPTConfig
from gpt.errors import ConfigError
from gpt.growth import grow, sources
from gpt.model import GPT

SMALL = GPTConfig(depth=3, aspect=22, head_dim=32, vocab_size=64, context_len=32)  # 64 wide


def trained(config: GPTConfig) -> GPT:
    """A model in which no weight is zero, as after training."""
    torch.manual_seed(0)
    model = GPT(config, torch.float32)
    with torch.no_grad():
        for p in model.parameters():
            p.copy_(torch.randn_like(p) * 0.2)
    return model.eval()


@pytest.mark.parametrize(("depth", "aspect"), [(3, 22), (4, 16), (5, 13), (6, 11)])
def test_a_grown_model_gives_the_same_hidden_states_to_the_bit(depth: int, aspect: int) -> None:
    model = trained(SMALL)
    grown = grow(model, dataclasses.replace(SMALL, depth=depth, aspect=aspect)).eval()
    ids, marks = torch.randint(0, 64, (2, 20)), torch.randint(0, 8, (2, 20))
    assert len(grown.blocks) == depth
    assert torch.equal(grown(ids, marks), model(ids, marks))
    assert torch.equal(grown.span_logits(grown(ids, marks)), model.span_logits(model(ids, marks)))


def test_growing_leaves_the_model_it_began_with_as_it_was() -> None:
    model = trained(SMALL)
    before = {name: p.clone() for name, p in model.state_dict().items()}
    grown = grow(model, dataclasses.replace(SMALL, depth=6, aspect=11))
    with torch.no_grad():
        for p in grown.parameters():
            p.add_(1.0)
    assert all(torch.equal(p, before[name]) for name, p in model.state_dict().items())


def test_copies_are_spread_evenly_behind_the_blocks_they_are_taken_from() -> None:
    assert sources(3, 6) == [(0, False), (0, True), (1, False), (1, True), (2, False), (2, True)]
    assert sources(4, 6) == [(0, False), (1, False), (1, True), (2, False), (3, False), (3, True)]
    assert sources(2, 2) == [(0, False), (1, False)]
    for before in range(1, 13):
        for after in range(before, 2 * before + 1):
            made = sources(before, after)
            assert len(made) == after
            assert [i for i, copied in made if not copied] == list(range(before))


def test_the_ends_of_a_copy_learn_at_once_and_its_inside_once_they_are_not_zero() -> None:
    grown = grow(trained(SMALL), dataclasses.replace(SMALL, depth=6, aspect=11))
    ids = torch.randint(0, 64, (2, 20))
    grown.logits(grown(ids)).logsumexp(-1).mean().backward()
    copy = grown.blocks[1]
    assert copy.attention.out.weight.grad.abs().max() > 0
    assert copy.attention.qkv.weight.grad.abs().max() == 0
    assert not torch.equal(copy.attention.qkv.weight, torch.zeros_like(copy.attention.qkv.weight))


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"depth": 2, "aspect": 32}, "3 layers grows to 3 to 6, not to 2"),
        ({"depth": 7, "aspect": 9}, "3 layers grows to 3 to 6, not to 7"),
        ({"depth": 6, "aspect": 22}, "n_embd 64 -> 128"),
        ({"vocab_size": 65}, "vocab_size 64 -> 65"),
        ({"head_dim": 64}, "head_dim 32 -> 64"),
    ],
)
def test_what_is_no_growth_is_refused(change: dict[str, int], told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        grow(trained(SMALL), dataclasses.replace(SMALL, **change))
