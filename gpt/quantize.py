"""Weights as they are stored: int8 with a float32 scale an output channel, or bfloat16.

A matrix W becomes integers q in -127..127 and a scale s a row with W ~ q * s: symmetric, rounded to nearest, so that no
weight moves by more than s / 2 (Jacob et al. 2018, section 2, without zero points). A scale covers a row: what one output
channel, or one token of the vocabulary, is made of. Vectors and thin matrices (marks, span head) stay as they are.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import torch
from torch import Tensor

from gpt.errors import CheckpointError

Storage = Literal["int8", "bf16"]
STORAGES: tuple[Storage, ...] = ("int8", "bf16")
SCALE = ".scale"  # a matrix NAME in int8 has its scales under NAME.scale
LARGEST = 127  # -128 is left out, so that the range is symmetric
MIN_SIDE = 16  # thinner matrices hold too few bytes to be worth an error


def quantize_rows(w: Tensor) -> tuple[Tensor, Tensor]:
    """Integers (n, m) int8 and scales (n,) float32 of a float matrix (n, m): scale = largest magnitude / 127.

    Scales searched a row for the least squared error lower that error by under 1%: not done
    (docs/log.md).
    """
    scale = (w.abs().amax(dim=1) / LARGEST).clamp(min=torch.finfo(torch.float32).tiny)  # rows of zeros have one too
    q = (w / scale[:, None]).round().clamp(-LARGEST, LARGEST)
    return q.to(torch.int8), scale


def dequantize_rows(q: Tensor, scale: Tensor) -> Tensor:
    """The matrix (n, m) float32 that `quantize_rows` stands for."""
    return q.float() * scale[:, None]


def pack(weights: Mapping[str, Tensor], storage: Storage) -> dict[str, Tensor]:
    """Tensors to store, by name. Raises CheckpointError when a weight is nan or infinite."""
    stored: dict[str, Tensor] = {}
    for name, weight in weights.items():
        w = weight.detach().float()
        if not torch.isfinite(w).all():
            raise CheckpointError(f"{name} holds values that are not finite; the training diverged, do not release it")
        if storage == "bf16":
            stored[name] = w.to(torch.bfloat16).contiguous()
        elif w.ndim == 2 and min(w.shape) >= MIN_SIDE:
            q, scale = quantize_rows(w)
            stored |= {name: q.contiguous(), name + SCALE: scale.contiguous()}
        else:
            stored[name] = w.contiguous()
    return stored


def unpack(stored: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The weights in float32 (bf16 ones as they are). Raises CheckpointError naming a matrix without fitting scales."""
    scales = {name for name in stored if name.endswith(SCALE)}
    weights: dict[str, Tensor] = {}
    for name in stored.keys() - scales:
        tensor = stored[name]
        if tensor.dtype == torch.int8:
            tensor = dequantize_rows(tensor, _scale_of(name, stored))
            scales.discard(name + SCALE)
        weights[name] = tensor
    if scales:
        raise CheckpointError(f"{min(scales)} belongs to no int8 matrix; fetch or train the model again")
    return weights


def _scale_of(name: str, stored: Mapping[str, Tensor]) -> Tensor:
    q, scale = stored[name], stored.get(name + SCALE)
    if scale is None:
        raise CheckpointError(f"{name} is int8 but {name + SCALE} is missing; fetch or train the model again")
    if q.ndim != 2 or scale.shape != q.shape[:1] or not scale.is_floating_point():
        kind = f"{str(scale.dtype).removeprefix('torch.')} {tuple(scale.shape)}"
        raise CheckpointError(
            f"{name + SCALE} is {kind}, not a float for each row of {tuple(q.shape)}; fetch or train the model again"
        )
    if not (torch.isfinite(scale) & (scale > 0)).all():
        raise CheckpointError(f"{name + SCALE} holds values that are no scale; fetch or train the model again")
    return scale.float()
