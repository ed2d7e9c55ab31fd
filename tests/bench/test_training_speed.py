"""Tokens a second of training: ours beside the first released loop and one in nanoGPT's manner; and what keeping freed
memory is worth, the same steps in two fresh processes, with and without.

pytest -m bench tests/bench/test_training_speed.py -s        (more rounds: python -m tests.bench.training_rates --rounds 5)
"""

from __future__ import annotations

import subprocess
import sys
import textwrap

import pytest
import torch

from gpt.config import GPTConfig
from gpt.model import attention_mask
from tests.bench import training_rates
from tests.bench.frozen_loop import FrozenGPT, FrozenLoop, pretraining_loss
from tests.bench.nanogpt_loop import NanoGPT, NanoLoop, adamw

TINY = GPTConfig(depth=2, aspect=32, head_dim=32, vocab_size=64, context_len=32)
PROGRAM = """
import sys, time
import numpy as np
import torch
from gpt.config import RECIPES
from gpt.data import TokenStream
from gpt.memory import keep_freed_memory
from gpt.model import GPT
from gpt.optim import MuonAdamW
from gpt.pretrain import Pretraining
from gpt.tokenizer import Tokenizer

if sys.argv[1] == "kept":
    keep_freed_memory()
recipe = RECIPES["mini"]
tokens = np.random.default_rng(0).integers(0, 8000, 100_000).astype(np.uint16)
tokenizer = Tokenizer(tuple(bytes([b]) for b in range(256)))
task = Pretraining(TokenStream(tokens, tokens[:0]), tokenizer, recipe.pretrain)
model = GPT(recipe.model)
optimizer = MuonAdamW(model, recipe.pretrain)
times = []
for step in range(8):
    started = time.perf_counter()
    loss, n = task.loss(model, step)
    loss.backward()
    optimizer.step(step)
    times.append(time.perf_counter() - started)
print(n / sorted(times[2:])[len(times[2:]) // 2])
"""


@pytest.mark.bench
def test_keeping_freed_memory_speeds_up_a_step() -> None:
    """The median tokens/s of six pretraining steps of `mini`; alternating order, best of two processes each."""
    rates: dict[str, float] = {"returned": 0.0, "kept": 0.0}
    for how in ("returned", "kept", "kept", "returned"):
        done = subprocess.run(
            [sys.executable, "-c", textwrap.dedent(PROGRAM), how], capture_output=True, text=True, check=True
        )
        rates[how] = max(rates[how], float(done.stdout))
    ratio = rates["kept"] / rates["returned"]
    print(f"\ntokens/s: {rates['returned']:.0f} returned, {rates['kept']:.0f} kept, ratio {ratio:.2f}")  # noqa: T201
    assert ratio > 1.0


@pytest.mark.bench
@pytest.mark.parametrize("workload", list(training_rates.LOOPS))
def test_training_is_faster_than_it_was_and_than_the_usual_loop(workload: str) -> None:
    found = training_rates.main(["--rounds", "2", "--workloads", workload])[workload]
    for loop, rates in found.items():
        assert loop == "ours" or max(found["ours"]) > max(rates)


def matrices(model: torch.nn.Module, names: str) -> int:
    return sum(p.numel() for name, p in model.named_parameters() if p.ndim == 2 and names in name)


def test_all_loops_train_the_same_number_of_parameters() -> None:
    shape = training_rates.SHAPE
    frozen, nano = FrozenGPT(shape), NanoGPT(shape, 256)
    assert matrices(frozen, "blocks") == matrices(nano, "blocks")
    assert matrices(frozen, "blocks") + shape.vocab_size * shape.n_embd == matrices(nano, "blocks") + matrices(
        nano, "tokens"
    )
    products = sum(6 * b * m * k * n * times for b, m, k, n, times in training_rates.own_shapes(shape, "pretraining"))
    tokens = training_rates.PRETRAIN_ROWS * training_rates.PRETRAIN_TOKENS
    assert products == tokens * training_rates.flops_per_token(shape, "pretraining")


def test_the_loops_to_measure_against_do_learn() -> None:
    """A sequence that counts: the next token is the last one plus one."""
    torch.manual_seed(0)
    ids = (torch.arange(17) + torch.arange(8)[:, None]) % 64
    lengths = torch.full((8,), 16)
    mask = attention_mask(lengths, 0 * lengths, 16)
    losses: list[float] = []

    def loss(model: FrozenGPT, step: int) -> tuple[torch.Tensor, int]:
        found = pretraining_loss(model, ids[:, :-1], ids[:, 1:], mask)
        losses.append(found.item())
        return found, 128

    frozen = FrozenLoop(FrozenGPT(TINY), loss)
    assert [frozen.advance() for _ in range(15)] == [128] * 15
    assert losses[-1] < 0.5 * losses[0]

    model = NanoGPT(TINY, 16)
    nano = NanoLoop(model, adamw(model), (torch.arange(200) % 64).numpy().astype("uint16"), 16, 8)
    before = model(ids[:, :-1], ids[:, 1:]).item()
    assert [nano.advance() for _ in range(25)] == [128] * 25
    assert model(ids[:, :-1], ids[:, 1:]).item() < 0.9 * before


def test_the_loops_alternate_and_the_table_tells_ratios_and_shares(monkeypatch: pytest.MonkeyPatch) -> None:
    ran: list[str] = []
    speed = {"ours": 4000.0, "frozen": 2000.0}
    monkeypatch.setattr(training_rates, "in_own_process", lambda loop, *_: ran.append(loop) or speed[loop])
    rates = training_rates.compare("reading", 2, 1)
    assert ran == ["ours", "frozen", "frozen", "ours"]
    flops = training_rates.flops_per_token(training_rates.SHAPE, "reading")
    text = training_rates.table("reading", rates, own=8000 * flops / 1e12, cube=16000 * flops / 1e12)
    assert "| frozen | 2,000 (2,000 to 2,000) | 2.00 |" in text
    assert "| 25% | 50% |" in text
