"""Blocks compiled for training: one fused kernel where eager code makes a dozen passes over memory.

The compiler (TorchInductor) writes C++ for every shape it meets, once; the kernels are kept in its cache folder for the
next run. So only long runs are worth it, and only with few shapes (gpt/reading.py `padded_length`).
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable

import torch
from torch import Tensor

from gpt.config import TrainConfig
from gpt.cross_entropy import chunk_loss
from gpt.model import GPT

WORTH_STEPS = 500  # compiling costs some minutes over a run; a shorter one does not win them back
_MAX_SHAPES = 256  # TorchDynamo gives up after 8 otherwise


def compile_blocks(model: GPT, config: TrainConfig) -> str:
    """Compiles the model's blocks in place when a run of `config.steps` is worth it; says what was done and why.

    Decided by the number of steps alone, not by those left, so that a run goes on as it began. Names of parameters stay.
    """
    if config.steps < WORTH_STEPS:
        return f"not compiled: {config.steps} steps are fewer than {WORTH_STEPS}"
    device = next(model.parameters()).device
    if device.type != "cpu":
        return "as gpt/cuda.py has them"  # tried there before the run, on shapes that may vary
    reason = _missing()
    if reason:
        return f"not compiled: {reason}"
    torch._dynamo.config.recompile_limit = _MAX_SHAPES
    torch._dynamo.config.accumulated_recompile_limit = _MAX_SHAPES * len(model.blocks)
    for block in model.blocks:
        block.compile(dynamic=False)
    return "compiled: the first step of each length takes some seconds longer"


def compiled_chunk_loss(config: TrainConfig, device: str) -> Callable[[Tensor, Tensor, Tensor], tuple[Tensor, Tensor]]:
    """`chunk_loss` (gpt/cross_entropy.py), compiled under the same condition."""
    if config.steps < WORTH_STEPS or device != "cpu" or _missing():
        return chunk_loss
    compiled: Callable[[Tensor, Tensor, Tensor], tuple[Tensor, Tensor]] = torch.compile(chunk_loss, dynamic=False)
    return compiled


def _missing() -> str:
    """What the compiler lacks on this machine; empty when nothing."""
    if sys.platform == "win32":
        return "no compiler set up for Windows"
    if not any(shutil.which(name) for name in ("g++", "clang++")):
        return "no C++ compiler (g++ or clang++) is installed; training takes about 1.4 times as long"
    return ""
