"""What the processor is said to multiply fastest."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from gpt import processor
from gpt.processor import arithmetic, fast_dtype, integers_are_exact

AMX = "vendor_id : GenuineIntel\nflags : fpu avx512_bf16 avx512_vnni amx_bf16 amx_int8"
XEON = "vendor_id : GenuineIntel\nflags : fpu avx512_bf16 avx512_vnni avx_vnni"
CORE = "vendor_id\t: GenuineIntel\nflags\t\t: fpu avx2 avx_vnni"
ZEN = "vendor_id : AuthenticAMD\nflags : fpu avx512_bf16 avx512_vnni"
OLD = "vendor_id : GenuineIntel\nflags : fpu avx2"
ARM = "CPU implementer : 0x41\nFeatures : fp asimd bf16 i8mm"


@pytest.fixture(autouse=True)
def _forgets() -> Iterator[None]:
    integers_are_exact.cache_clear()
    yield
    integers_are_exact.cache_clear()


@pytest.mark.parametrize(
    ("cpuinfo", "reads_in", "trains_in"),
    [
        (AMX, "bfloat16", torch.bfloat16),
        (XEON, "int8", torch.float32),
        (CORE, "int8", torch.float32),
        (ZEN, "int8", torch.bfloat16),
        (OLD, "float32", torch.float32),
        (ARM, "float32", torch.float32),
    ],
    ids=["AMX", "Xeon without AMX", "Core", "Zen", "old", "ARM"],
)
def test_each_processor_gets_what_it_is_fast_at(
    cpuinfo: str, reads_in: str, trains_in: torch.dtype, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "cpuinfo"
    file.write_text(
        f"processor : 0\n{cpuinfo}\nmodel name : x\n\nprocessor : 1\nflags : amx_bf16\n"
    )  # the first one counts
    monkeypatch.setattr(processor, "CPUINFO", file)
    monkeypatch.setattr(processor, "integers_are_exact", lambda: True)
    assert (arithmetic(), fast_dtype()) == (reads_in, trains_in)


def test_where_linux_does_not_tell_torch_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processor, "CPUINFO", tmp_path / "none")
    monkeypatch.setattr(processor, "integers_are_exact", lambda: True)
    known = {"avx512_vnni": True, "amx_bf16": False, "l2_cache_size": 1}
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: known, raising=False)
    assert (arithmetic(), fast_dtype()) == ("int8", torch.float32)
    known["amx_bf16"] = True
    assert (arithmetic(), fast_dtype()) == ("bfloat16", torch.bfloat16)
    monkeypatch.delattr(torch.cpu, "get_capabilities")  # an older torch
    assert (arithmetic(), fast_dtype()) == ("float32", torch.float32)


@pytest.mark.parametrize(("cpuinfo", "reads_in"), [(XEON, "float32"), (ZEN, "bfloat16")], ids=["Xeon", "Zen"])
def test_integers_that_saturate_or_are_missing_are_not_used(
    cpuinfo: str, reads_in: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "cpuinfo"
    file.write_text(cpuinfo)
    monkeypatch.setattr(processor, "CPUINFO", file)

    def saturates(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
        return (a.double() @ b.double()).clamp(-(2**15), 2**15).int()

    monkeypatch.setattr(torch, "_int_mm", saturates)
    assert (integers_are_exact(), arithmetic()) == (False, reads_in)
    integers_are_exact.cache_clear()

    def refuses(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
        raise RuntimeError("not implemented for this processor")

    monkeypatch.setattr(torch, "_int_mm", refuses)
    assert (integers_are_exact(), arithmetic()) == (False, reads_in)
    integers_are_exact.cache_clear()
    monkeypatch.delattr(torch, "_int_mm")
    assert (integers_are_exact(), arithmetic()) == (False, reads_in)


def test_sums_of_integers_that_are_said_to_be_exact_are() -> None:
    if not integers_are_exact():
        pytest.skip("this torch has no exact product of 8-bit integers")
    made = torch.Generator().manual_seed(0)
    a, b = (torch.randint(-127, 128, (33, 688), generator=made, dtype=torch.int8) for _ in range(2))
    assert torch.equal(torch._int_mm(a, b.t()).long(), a.long() @ b.long().t())
