"""A trained model as other programs know it: a causal Qwen3 language model with a byte-level BPE tokenizer.

What reads is left out: marks, span scores and attention in both directions have no place in a stock class. What
writes is kept whole. Our norms have no gains, so theirs are ones; the output's scale C^-1/2 is the final norm's gain.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from gpt.checkpoint import load_latest, load_released
from gpt.config import GPTConfig, config_from_dict
from gpt.errors import CheckpointError, ExportError
from gpt.model import GPT
from gpt.reader import RELEASED
from gpt.tokenizer import SPECIALS, Tokenizer, byte_of_character

READS_ONLY = ("mark_embedding.", "span_head.")  # weights that only the reader uses
NORM_EPS = 1e-6  # of gpt.model.norm


@dataclass(frozen=True)
class CausalModel:
    """What is exported. `stage` is the training that the weights went through last; `origin` tells of it in Markdown."""

    name: str
    model: GPT  # float32
    tokenizer: Tokenizer
    stage: str
    origin: str

    @property
    def config(self) -> GPTConfig:
        return self.model.config

    @cached_property
    def weights(self) -> dict[str, Tensor]:
        """float32 tensors by the names of transformers' Qwen3ForCausalLM; the output embedding is tied and not listed.

        Raises ExportError when the model has weights that this shape has no place for.
        """
        return stock_weights(self.model)


def load_causal(source: Path) -> CausalModel:
    """A released model by its name or folder, or the averaged weights of a training stage such as runs/NAME/pretrain.

    Raises CheckpointError when there is neither, TokenizerError when its tokenizer cannot be read.
    """
    if not source.exists() and source.parent == Path() and (RELEASED / source.name).is_dir():
        source = RELEASED / source.name
    if (source / "config.json").is_file():
        return _from_released(source)
    if any(source.glob("step-*")):
        return _from_stage(source)
    known = ", ".join(sorted(folder.name for folder in RELEASED.iterdir() if folder.is_dir()))
    raise CheckpointError(
        f"no model {str(source)!r}: name a released one ({known}), or a folder that `studygpt train` made, "
        "such as runs/NAME/released/NAME or runs/NAME/pretrain"
    )


def _from_released(folder: Path) -> CausalModel:
    released = load_released(folder, torch.float32)
    card = folder / "card.md"
    origin = card.read_text(encoding="utf-8") if card.is_file() else ""
    return CausalModel(released.name, released.model, released.tokenizer, "reading", origin)


def _from_stage(folder: Path) -> CausalModel:
    found = load_latest(folder)
    if found is None:
        raise CheckpointError(f"no checkpoint in {folder}; run its training stage again")
    groups, state = found
    stage, config = state["identity"]["task"], config_from_dict(state["identity"]["model"])
    tokenizer = Tokenizer.load(folder.parent / "tokenizer.json")
    if tokenizer.vocab_size != config.vocab_size:
        raise CheckpointError(
            f"{folder.parent / 'tokenizer.json'} has {tokenizer.vocab_size} tokens, "
            f"the model in {folder} {config.vocab_size}; restore the run's own tokenizer"
        )
    model = GPT(config, torch.float32)
    try:
        model.load_state_dict(groups["average"], strict=True)
    except (KeyError, RuntimeError) as error:
        raise CheckpointError(f"the weights in {folder} do not fit its config: {error}; train it again") from error
    return CausalModel(f"{folder.resolve().parent.name}-{stage}", model.eval(), tokenizer, stage, _told(state))


def _told(state: dict[str, Any]) -> str:
    tokens, minutes = state["tokens"] / 1e6, state["seconds"] / 60
    return (
        f"Averaged weights of the stage `{state['identity']['task']}` at step {state['step']}: "
        f"{tokens:.1f}M tokens, {minutes:.0f} minutes, training loss {state['loss']:.3f} nats.\n"
    )


def stock_weights(model: GPT) -> dict[str, Tensor]:
    """See `CausalModel.weights`. Queries, keys and values, and gate and up, are cut apart; every gain is made explicit."""
    config = model.config
    ours = {k: v.detach().float() for k, v in model.state_dict().items() if not k.startswith(READS_ONLY)}
    theirs = {
        "model.embed_tokens.weight": ours.pop("embedding.weight"),
        "model.norm.weight": torch.full((config.n_embd,), config.n_embd**-0.5),
    }
    for i in range(config.n_layer):
        for name, tensor in _stock_block(ours, i, config).items():
            theirs[f"model.layers.{i}.{name}.weight"] = tensor
    if ours:
        raise ExportError(
            f"the model has weights that stock Qwen3 has no place for: {', '.join(sorted(ours))}; "
            "train one of the stock shape to export it"
        )
    return {name: tensor.clone() for name, tensor in theirs.items()}


def _stock_block(ours: dict[str, Tensor], i: int, config: GPTConfig) -> dict[str, Tensor]:
    """Block i's tensors, taken out of `ours`."""
    attention, mlp = f"blocks.{i}.attention", f"blocks.{i}.mlp"
    q, k, v = ours.pop(f"{attention}.qkv.weight").chunk(3)  # each (C, C)
    gate, up = ours.pop(f"{mlp}.gate_up.weight").chunk(2)  # each (n_hidden, C)
    return {
        "input_layernorm": torch.ones(config.n_embd),
        "self_attn.q_proj": q,
        "self_attn.k_proj": k,
        "self_attn.v_proj": v,
        "self_attn.o_proj": ours.pop(f"{attention}.out.weight"),
        "self_attn.q_norm": torch.ones(config.head_dim),
        "self_attn.k_norm": torch.ones(config.head_dim),
        "post_attention_layernorm": torch.ones(config.n_embd),
        "mlp.gate_proj": gate,
        "mlp.up_proj": up,
        "mlp.down_proj": ours.pop(f"{mlp}.out.weight"),
    }


def spelled_tokens(tokenizer: Tokenizer) -> list[str]:
    """Every token in id order, its bytes as GPT-2's characters; special tokens, last, by their names."""
    character = {byte: c for c, byte in byte_of_character().items()}
    return ["".join(character[byte] for byte in token) for token in tokenizer.ranks] + list(SPECIALS)


def spelled_merges(tokenizer: Tokenizer) -> list[tuple[str, str]]:
    """The pairs that merge, first ones first, for programs that look up pairs.

    Ours merges any two tokens whose bytes together are a token, the lowest id first, so a token is listed with every way to
    cut it in two.
    """
    ranks = {token: i for i, token in enumerate(tokenizer.ranks)}
    spelled = spelled_tokens(tokenizer)
    merges = []
    for token in tokenizer.ranks:
        cuts = [(ranks.get(token[:at], -1), ranks.get(token[at:], -1)) for at in range(1, len(token))]
        merges += [(spelled[a], spelled[b]) for a, b in sorted(cuts) if min(a, b) >= 0]
    return merges
