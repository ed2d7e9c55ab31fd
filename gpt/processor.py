"""What the processor at hand multiplies fastest.

Few have matrix units for bfloat16 (AMX). The vector instructions that others have for it are twice as fast as float32 on AMD's
processors and half as fast on Intel's; of 8-bit integers nearly all since 2021 multiply four times as many (VNNI).
"""

from __future__ import annotations

import functools
import re
from pathlib import Path
from typing import Literal

import torch

Arithmetic = Literal["bfloat16", "int8", "float32"]

CPUINFO = Path("/proc/cpuinfo")
_LONGEST_SUM = 4096  # products that the check of `integers_are_exact` adds up


def fast_dtype(device: torch.device | str = "cpu") -> torch.dtype:
    """What matrix products of a model on that device run in: bfloat16 where it is faster than float32, else float32."""
    if torch.device(device).type == "cuda":
        return torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float32
    return torch.bfloat16 if _bfloat16_is_fast(_features()) else torch.float32


def arithmetic() -> Arithmetic:
    """What a finished model reads in on the CPU (gpt/engine.py): 8-bit integers where only they are fast."""
    features = _features()
    if "amx_bf16" in features:
        return "bfloat16"
    if features & {"avx512_vnni", "avx_vnni"} and integers_are_exact():
        return "int8"
    return "bfloat16" if _bfloat16_is_fast(features) else "float32"


def _bfloat16_is_fast(features: frozenset[str]) -> bool:
    return "amx_bf16" in features or {"avx512_bf16", "authenticamd"} <= features


@functools.cache
def integers_are_exact() -> bool:
    """Whether this torch multiplies matrices of 8-bit integers on the CPU without rounding or saturation."""
    if not hasattr(torch, "_int_mm"):
        return False
    largest = torch.full((32, _LONGEST_SUM), 127, dtype=torch.int8)
    try:
        sums = torch._int_mm(largest, -largest.t())
    except (RuntimeError, NotImplementedError):
        return False
    return bool((sums == -(127**2) * _LONGEST_SUM).all())


def _features() -> frozenset[str]:
    """Names, in lower case, of the processor's vendor and of what it can do, as Linux calls them; elsewhere what torch knows."""
    if CPUINFO.is_file():
        text = CPUINFO.read_text(encoding="utf-8", errors="replace").lower()
        first = re.findall(r"^(?:flags|vendor_id)\s*:(.*)$", text.partition("\n\n")[0], re.MULTILINE)
        return frozenset(" ".join(first).split())
    known: dict[str, object] = getattr(torch.cpu, "get_capabilities", dict)()
    return frozenset(name for name, value in known.items() if value is True)
