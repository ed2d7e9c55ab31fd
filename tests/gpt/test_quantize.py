"""Stored weights are small, near the trained ones by a bound that holds for every weight, and damage is named."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from safetensors.torch import save_file

from gpt.errors import CheckpointError
from gpt.model import GPT
from gpt.quantize import dequantize_rows, pack, quantize_rows, unpack

FLOATS = st.floats(-(2.0**100), 2.0**100, width=32)


@settings(max_examples=60, deadline=None)
@given(arrays("float32", st.tuples(st.integers(1, 6), st.integers(1, 9)), elements=FLOATS))
def test_no_weight_moves_by_more_than_half_a_scale(array: object) -> None:
    w = torch.as_tensor(array)
    q, scale = quantize_rows(w)
    moved = (dequantize_rows(q, scale).double() - w.double()).abs()
    assert (moved <= scale.double()[:, None] * (0.5 + 1e-4)).all()  # float32 rounds the quotient and the product
    assert q.abs().max() <= 127
    assert torch.equal(quantize_rows(dequantize_rows(q, scale))[0][w.abs().amax(1) > 1e-30], q[w.abs().amax(1) > 1e-30])


def test_quantizing_equals_rounding_one_weight_at_a_time() -> None:
    w = torch.randn(5, 8, generator=torch.Generator().manual_seed(0))
    q, scale = quantize_rows(w)
    for i, row in enumerate(w.tolist()):
        step = max(abs(x) for x in row) / 127
        assert scale[i].item() == pytest.approx(step)
        assert q[i].tolist() == [round(x / step) for x in row]


def test_a_row_of_zeros_and_a_row_of_tiny_weights_stay_finite() -> None:
    w = torch.tensor([[0.0, 0.0], [1e-42, -1e-42], [0.0, 1.0]])
    back = dequantize_rows(*quantize_rows(w))
    assert torch.isfinite(back).all()
    assert back[0].tolist() == [0.0, 0.0]
    assert back[2].tolist() == pytest.approx([0.0, 1.0])


def test_matrices_become_int8_and_small_tensors_stay_exact(model: GPT) -> None:
    weights = model.state_dict()
    stored = pack(weights, "int8")
    assert stored["embedding.weight"].dtype == torch.int8
    assert stored["blocks.0.mlp.out.weight.scale"].shape == (weights["blocks.0.mlp.out.weight"].size(0),)
    back = unpack(stored)
    assert back.keys() == weights.keys()
    for name in ("mark_embedding.weight", "span_head.weight"):
        assert torch.equal(back[name], weights[name])
    assert all(tensor.dtype == torch.float32 for tensor in back.values())
    assert all((back[n] - w).norm() < 0.01 * w.norm() for n, w in weights.items())


def test_bf16_rounds_every_tensor_alike(model: GPT) -> None:
    back = unpack(pack(model.state_dict(), "bf16"))
    assert all(torch.equal(back[n].float(), w.bfloat16().float()) for n, w in model.state_dict().items())


@pytest.mark.parametrize("storage", ["int8", "bf16"])
def test_the_order_of_the_weights_does_not_matter(model: GPT, tmp_path: Path, storage: str) -> None:
    weights = model.state_dict()
    backwards = dict(reversed(weights.items()))
    for name, some in (("a", weights), ("b", backwards)):
        save_file(pack(some, storage), tmp_path / name)  # type: ignore[arg-type]
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_weights_that_are_not_finite_are_not_stored() -> None:
    with pytest.raises(CheckpointError, match="w holds values that are not finite"):
        pack({"w": torch.full((20, 20), float("nan"))}, "int8")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"w.scale": None}, r"w is int8 but w\.scale is missing"),
        ({"w.scale": torch.ones(19)}, r"w\.scale is float32 \(19,\), not a float for each row of \(20, 20\)"),
        ({"w.scale": torch.ones(20, dtype=torch.int64)}, r"w\.scale is int64"),
        ({"w.scale": torch.zeros(20)}, r"w\.scale holds values that are no scale"),
        ({"w.scale": torch.full((20,), float("inf"))}, r"w\.scale holds values that are no scale"),
        ({"w": torch.zeros(20, dtype=torch.int8)}, r"not a float for each row of \(20,\)"),
        ({"v.scale": torch.ones(20)}, r"v\.scale belongs to no int8 matrix"),
        ({"w": torch.zeros(20, 20)}, r"w\.scale belongs to no int8 matrix"),
    ],
)
def test_scales_that_do_not_fit_are_named(change: dict[str, torch.Tensor | None], message: str) -> None:
    stored = pack({"w": torch.randn(20, 20)}, "int8") | change
    with pytest.raises(CheckpointError, match=message):
        unpack({name: tensor for name, tensor in stored.items() if tensor is not None})
