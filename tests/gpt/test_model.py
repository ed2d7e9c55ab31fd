"""The forward pass beside slow, obvious twins: attention by loops, rotation by complex numbers, causality by change."""

from __future__ import annotations

import math

import pytest
import torch

from gpt.config import GPTConfig
from gpt.model import GPT, attend, attention_mask, norm, rotary_table, rotate


def slow_attention(q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """One query at a time; q, k, v (T, D), mask (T, T)."""
    out = []
    for i in range(len(q)):
        seen = [j for j in range(len(k)) if mask[i, j]]
        weights = torch.stack([torch.exp(q[i] @ k[j] / math.sqrt(q.size(1))) for j in seen])
        out.append(sum(w * v[j] for w, j in zip(weights / weights.sum(), seen, strict=True)))
    return torch.stack(out)


@pytest.mark.parametrize("training", [True, False])
def test_attention_equals_a_loop_over_queries(training: bool) -> None:
    torch.manual_seed(0)
    q, k, v = torch.randn(3, 2, 2, 7, 4).double()
    mask = attention_mask(torch.tensor([7, 5]), torch.tensor([3, 0]), 7)
    with torch.set_grad_enabled(training):
        y = attend(q, k, v, mask)
    for b in range(2):
        for h in range(2):
            torch.testing.assert_close(y[b, h], slow_attention(q[b, h], k[b, h], v[b, h], mask[b, 0]))


def test_no_mask_is_causal() -> None:
    q, k, v = torch.randn(3, 1, 2, 6, 4)
    causal = attention_mask(torch.tensor([6]), torch.tensor([0]), 6)
    torch.testing.assert_close(attend(q, k, v, None), attend(q, k, v, causal))


def test_the_mask_is_the_definition() -> None:
    mask = attention_mask(torch.tensor([5, 3]), torch.tensor([2, 3]), 5)
    for b, (length, prefix) in enumerate([(5, 2), (3, 3)]):
        for i in range(5):
            for j in range(5):
                assert bool(mask[b, 0, i, j]) == (j < length and (j < prefix or j <= i))


def test_rotation_is_multiplication_by_a_complex_unit_and_only_distance_matters() -> None:
    cos, sin = rotary_table(10, 8, 1000.0)
    x = torch.randn(1, 1, 10, 8)
    y = rotate(x, cos, sin)
    z = torch.complex(x[..., :4], x[..., 4:]) * torch.polar(torch.ones(10, 4), torch.atan2(sin, cos))
    torch.testing.assert_close(y, torch.cat([z.real, z.imag], dim=-1))
    q, k = torch.randn(8), torch.randn(8)
    at = lambda v, i: rotate(v.view(1, 1, 1, 8), cos[i : i + 1], sin[i : i + 1]).flatten()  # noqa: E731
    torch.testing.assert_close(at(q, 3) @ at(k, 1), at(q, 9) @ at(k, 7))


def test_a_later_token_never_changes_an_earlier_state_when_causal(model: GPT) -> None:
    ids = torch.randint(0, 300, (1, 12))
    changed = ids.clone()
    changed[0, 8:] = 5
    torch.testing.assert_close(model(ids)[:, :8], model(changed)[:, :8])


def test_in_the_prefix_every_token_sees_every_other_and_after_it_none_sees_ahead(model: GPT) -> None:
    ids = torch.randint(6, 300, (1, 12))
    mask = attention_mask(torch.tensor([12]), torch.tensor([6]), 12)
    in_prefix, after = ids.clone(), ids.clone()
    in_prefix[0, 5] = 5
    after[0, 8] = 5
    base = model(ids, mask=mask)
    assert not torch.allclose(base[0, 0], model(in_prefix, mask=mask)[0, 0])
    torch.testing.assert_close(base[:, :8], model(after, mask=mask)[:, :8])


def test_padding_changes_nothing_and_a_batch_equals_its_rows(model: GPT) -> None:
    rows = [torch.randint(0, 300, (n,)) for n in (5, 9)]
    batch = torch.zeros(2, 12, dtype=torch.int64)
    for i, row in enumerate(rows):
        batch[i, : len(row)] = row
    lengths = torch.tensor([5, 9])
    together = model(batch, mask=attention_mask(lengths, lengths, 12))
    for i, row in enumerate(rows):
        n = torch.tensor([len(row)])
        alone = model(row[None], mask=attention_mask(n, n, len(row)))
        torch.testing.assert_close(together[i, : len(row)], alone[0], atol=1e-5, rtol=1e-4)


def test_marks_are_added_to_the_embedding(model: GPT) -> None:
    ids = torch.randint(0, 300, (1, 6))
    zero = torch.zeros_like(ids)
    with torch.no_grad():
        model.mark_embedding.weight[0] = 0
    torch.testing.assert_close(model(ids, zero), model(ids))
    assert not torch.allclose(model(ids, zero + 3), model(ids))


def test_a_fresh_stack_is_the_identity_on_the_embedding() -> None:
    model = GPT(GPTConfig(depth=2, aspect=16, head_dim=16, vocab_size=320), torch.float32)
    ids = torch.randint(0, 300, (1, 6))
    torch.testing.assert_close(model(ids), norm(model.embedding(ids)))
    assert model.span_logits(model(ids)).abs().max() == 0


def test_dropout_drops_whole_channels_of_a_branch_in_training_alone_and_keeps_their_mean() -> None:
    model = GPT(GPTConfig(depth=1, aspect=64, head_dim=32, vocab_size=50, context_len=16), torch.float32)
    x, ones, none = torch.randn(3, 8, 64), torch.ones(2, 3, 1, 64), torch.zeros(2, 3, 1, 64)
    block, rotary = model.blocks[0], (model.cos[:8], model.sin[:8])
    torch.nn.init.normal_(block.attention.out.weight, std=0.1)
    torch.nn.init.normal_(block.mlp.out.weight, std=0.1)
    assert torch.equal(block(x, rotary, None, ones), block(x, rotary, None))
    assert torch.equal(block(x, rotary, None, none), x)
    kept = none.clone()
    kept[1, :, :, :5] = 1
    changed = (block(x, rotary, None, kept) != x).all(dim=1)  # (B, C)
    assert changed[:, :5].all()
    assert not changed[:, 5:].any()

    ids = torch.randint(50, (3, 8))
    plain = model.eval()(ids)
    model.dropout = 0.25
    assert torch.equal(model(ids), plain)
    model.train()
    torch.manual_seed(0)
    assert not torch.equal(model(ids), plain)
    drawn = torch.stack([model._kept(x) for _ in range(200)])
    assert drawn.shape[1:] == (1, 2, 3, 1, 64)
    assert drawn.unique().tolist() == pytest.approx([0, 1 / 0.75])
    assert drawn.mean().item() == pytest.approx(1, abs=0.02)


def test_the_parameter_count_is_the_configs(model: GPT) -> None:
    assert sum(p.numel() for p in model.parameters()) == model.config.n_params


def test_bfloat16_compute_is_close_to_float32_with_the_same_master_weights(model: GPT) -> None:
    ids = torch.randint(0, 300, (2, 16))
    expected = model(ids)
    model.fixed_dtype = torch.bfloat16
    cosine = torch.nn.functional.cosine_similarity(model(ids).float(), expected, dim=-1)
    assert cosine.min() > 0.999
    assert model.blocks[0].attention.qkv.weight.dtype == torch.float32


def test_a_row_beyond_the_window_is_refused(model: GPT) -> None:
    with pytest.raises(ValueError, match="257 tokens exceeds context_len=256"):
        model(torch.zeros(1, 257, dtype=torch.int64))
