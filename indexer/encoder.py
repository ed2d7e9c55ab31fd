"""A BERT sentence encoder written plainly in torch: what sentence-transformers computes, without what it adds in time.

One product makes queries, keys and values, weights are kept in oneDNN's own order, GELU is applied inside the product.
Attention is two batched products around a softmax: at some hundred tokens that is twice as fast on a CPU as torch's
fused kernel (2.0 against 3.8 ms for 8 texts of 128 tokens, bfloat16, one Zen 5 core), which pays for long texts alone.
Texts come in batches of like lengths (indexer/embed.py), so little is padded; but each batch to a multiple of 16 tokens, so
that there are few shapes, for which the library finds its kernels and memory ready (docs/log.md).

B texts, T tokens, C channels, H heads, D = C / H.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import torch

    from indexer.records import Vectors

    Linear = Callable[["torch.Tensor"], "torch.Tensor"]

LENGTH_STEP = 16
_PIPELINE = ("Transformer", "Pooling", "Normalize")
_NEEDED = {"model_type": "bert", "hidden_act": "gelu", "position_embedding_type": "absolute"}


@dataclass(frozen=True, slots=True)
class _Layer:
    qkv: Linear
    out: Linear
    attention_norm: tuple[Any, Any]
    up: Linear
    down: Linear
    norm: tuple[Any, Any]


def can_encode(folder: Path) -> bool:
    """Whether the sentence-transformers model in `folder` is a BERT whose mean over the tokens, normalised, is the
    vector: then `Encoder` computes it.
    """
    try:
        config, modules, pooling = (
            json.loads((folder / name).read_text(encoding="utf-8"))
            for name in ("config.json", "modules.json", "1_Pooling/config.json")
        )
    except (OSError, ValueError):
        return False
    kinds = tuple(str(module.get("type")).rpartition(".")[2] for module in modules)
    modes = {name for name, value in pooling.items() if name.startswith("pooling_mode") and value}
    return (
        (folder / "model.safetensors").is_file()
        and kinds == _PIPELINE
        and modes == {"pooling_mode_mean_tokens"}
        and all(config.get(name, value) == value for name, value in _NEEDED.items())
    )


def padded(n_tokens: int) -> int:
    """The length to which texts of a batch are padded whose longest has that many tokens."""
    return -(-n_tokens // LENGTH_STEP) * LENGTH_STEP


class Encoder:
    """The weights in `folder`, as `dtype`, ready to run on this machine's CPU. Raises OSError, KeyError or
    safetensors.SafetensorError for weights that are not those of `config.json`.
    """

    def __init__(self, folder: Path, dtype: torch.dtype) -> None:
        from safetensors.torch import load_file

        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        weights = load_file(folder / "model.safetensors")
        self._heads = int(config["num_attention_heads"])
        scale = (int(config["hidden_size"]) // self._heads) ** -0.5
        weights = {
            name: (value * scale if ".self.query." in name else value).to(dtype) if value.is_floating_point() else value
            for name, value in weights.items()
        }
        self._eps = float(config["layer_norm_eps"])
        self.dim = int(config["hidden_size"])
        self._words = weights["embeddings.word_embeddings.weight"]
        # every token is of the first type, so its vector can be added to the positions once
        types = weights["embeddings.token_type_embeddings.weight"][0]
        self._positions = weights["embeddings.position_embeddings.weight"] + types
        self._norm = _pair(weights, "embeddings.LayerNorm")
        self._layers = [_layer(weights, f"encoder.layer.{n}") for n in range(int(config["num_hidden_layers"]))]

    def encode(self, ids: Sequence[Sequence[int]]) -> Vectors:
        """Unit vectors (B, C) of B token sequences, each with its [CLS] and [SEP], longest first."""
        import torch

        lengths = torch.tensor([len(sequence) for sequence in ids])
        B = len(ids)
        T = len(ids[0]) if B == 1 else min(padded(len(ids[0])), len(self._positions))
        tokens = np.zeros((B, T), dtype=np.int64)
        for row, sequence in enumerate(ids):
            tokens[row, : len(sequence)] = sequence
        with torch.inference_mode():
            there = torch.arange(T) < lengths[:, None]  # (B, T)
            hidden = None if len(ids[-1]) == T else ~there
            x = self._forward(torch.from_numpy(tokens), hidden).view(B, T, self.dim)
            # in float32: a sum of bfloat16s would lose the last of its few digits
            mean = torch.einsum("btc,bt->bc", x.float(), there.float()) / lengths[:, None]
            return np.asarray(torch.nn.functional.normalize(mean, dim=1).numpy(), dtype=np.float32)

    def _forward(self, tokens: torch.Tensor, hidden: torch.Tensor | None) -> torch.Tensor:
        """States (B * T, C) of tokens (B, T), of which those `hidden` (B, T) are nothing but padding."""
        from torch.nn import functional as F

        B, T = tokens.shape
        C = self.dim
        x = F.embedding(tokens, self._words) + self._positions[:T]  # (B, T, C)
        x = F.layer_norm(x, (C,), *self._norm, self._eps).view(B * T, C)
        for layer in self._layers:
            mixed = self._attend(layer.qkv(x).view(B, T, 3, C), hidden).view(B * T, C)
            x = F.layer_norm(layer.out(mixed).add_(x), (C,), *layer.attention_norm, self._eps)
            x = F.layer_norm(layer.down(layer.up(x)).add_(x), (C,), *layer.norm, self._eps)
        return x

    def _attend(self, qkv: torch.Tensor, hidden: torch.Tensor | None) -> torch.Tensor:
        """The mixed values (B, T, C) of queries, keys and values (B, T, 3, C); the queries are scaled already."""
        import torch

        B, T, _, C = qkv.shape
        H, D = self._heads, C // self._heads
        q, k, v = qkv.view(B, T, 3, H, D).permute(2, 0, 3, 1, 4).reshape(3, B * H, T, D)
        scores = torch.bmm(q, k.transpose(1, 2))  # (B * H, T, T)
        if hidden is not None:
            scores.view(B, H, T, T).masked_fill_(hidden[:, None, None, :], float("-inf"))
        mixed = torch.bmm(torch.softmax(scores, -1), v)
        return mixed.view(B, H, T, D).transpose(1, 2).reshape(B, T, C)


def _layer(weights: Mapping[str, torch.Tensor], name: str) -> _Layer:
    import torch

    parts = [f"{name}.attention.self.{part}" for part in ("query", "key", "value")]
    qkv = (
        torch.cat([weights[f"{part}.weight"] for part in parts]),
        torch.cat([weights[f"{part}.bias"] for part in parts]),
    )
    return _Layer(
        qkv=_linear(*qkv),
        out=_linear(*_pair(weights, f"{name}.attention.output.dense")),
        attention_norm=_pair(weights, f"{name}.attention.output.LayerNorm"),
        up=_linear_gelu(*_pair(weights, f"{name}.intermediate.dense")),
        down=_linear(*_pair(weights, f"{name}.output.dense")),
        norm=_pair(weights, f"{name}.output.LayerNorm"),
    )


def _pair(weights: Mapping[str, torch.Tensor], name: str) -> tuple[torch.Tensor, torch.Tensor]:
    return weights[f"{name}.weight"], weights[f"{name}.bias"]


def _is_packed(weight: torch.Tensor) -> bool:
    """Whether oneDNN multiplies this dtype here and torch lets it keep weights in its own order."""
    import torch

    return (
        weight.dtype == torch.bfloat16
        and torch.backends.mkldnn.is_available()
        and hasattr(torch.ops.mkldnn, "_linear_pointwise")
    )


def _linear(weight: torch.Tensor, bias: torch.Tensor) -> Linear:
    """x @ weight.T + bias."""
    import torch

    if not _is_packed(weight):
        return lambda x: torch.nn.functional.linear(x, weight, bias)
    packed = torch.ops.mkldnn._reorder_linear_weight(weight)
    return lambda x: torch.ops.mkldnn._linear_pointwise(x, packed, bias, "none", [], "")


def _linear_gelu(weight: torch.Tensor, bias: torch.Tensor) -> Linear:
    """GELU of x @ weight.T + bias."""
    import torch

    if not _is_packed(weight):
        return lambda x: torch.nn.functional.gelu(torch.nn.functional.linear(x, weight, bias))
    packed = torch.ops.mkldnn._reorder_linear_weight(weight)
    return lambda x: torch.ops.mkldnn._linear_pointwise(x, packed, bias, "gelu", [], "none")
