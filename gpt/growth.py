"""A deeper model that says what the shallower one said, to the bit.

Behind a block stands a copy of it whose branches end in zeros, so that it adds nothing yet (block expansion: Wu et al.
2024, LLaMA Pro). What it computes inside is of use from the first step, and its ends learn what to add.
"""

from __future__ import annotations

from dataclasses import asdict

import torch

from gpt.config import GPTConfig
from gpt.errors import ConfigError
from gpt.model import GPT


def check_growth(before: GPTConfig, after: GPTConfig) -> None:
    """Raises ConfigError unless `after` is `before` with more layers, and at most twice as many."""
    if not before.n_layer <= after.n_layer <= 2 * before.n_layer:
        raise ConfigError(
            f"a model of {before.n_layer} layers grows to {before.n_layer} to {2 * before.n_layer}, not to {after.n_layer}: "
            "behind each block stands at most one copy"
        )
    shapes = [
        {"n_embd": config.n_embd}
        | {name: value for name, value in asdict(config).items() if name not in ("depth", "aspect")}
        for config in (before, after)
    ]
    differing = [name for name, value in shapes[0].items() if shapes[1][name] != value]
    if differing:
        told = ", ".join(f"{name} {shapes[0][name]} -> {shapes[1][name]}" for name in differing)
        raise ConfigError(f"growing adds layers and changes nothing else, here it would change {told}")


def sources(before: int, after: int) -> list[tuple[int, bool]]:
    """For each block of the deeper model the block it is taken from, and whether it is the copy behind it; copies are spread
    evenly, the last block has one if any has."""
    made = []
    for i in range(before):
        made.append((i, False))
        if (i + 1) * (after - before) // before > i * (after - before) // before:
            made.append((i, True))
    return made


def grow(model: GPT, config: GPTConfig) -> GPT:
    """A model of that config, on the CPU, with the weights of `model`, whose every output it gives.

    Raises ConfigError as `check_growth`.
    """
    check_growth(model.config, config)
    grown = GPT(config, model.fixed_dtype)
    weights = {name: p for name, p in model.state_dict().items() if not name.startswith("blocks.")}
    for j, (i, copied) in enumerate(sources(model.config.n_layer, config.n_layer)):
        for name, p in model.blocks[i].state_dict().items():
            ends_branch = name.endswith("out.weight")
            weights[f"blocks.{j}.{name}"] = torch.zeros_like(p) if copied and ends_branch else p
    grown.load_state_dict(weights, strict=True)
    return grown
