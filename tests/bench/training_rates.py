"""Tokens a second of training: our loop, the loop as it was first released, and one in nanoGPT's manner.

    python -m tests.bench.training_rates [--rounds 3] [--steps 8]

Every loop runs at the shape of the recipe `mini`, on the same two kinds of batches (random tokens; only the time
counts), in a process of its own, in alternating order. The machine's rate of matrix products is measured in the same
run, at 2048 cubed and at the model's own shapes, forward and backward.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from gpt.config import RECIPES, GPTConfig, TrainConfig
from gpt.data import TokenStream
from gpt.memory import keep_freed_memory
from gpt.model import GPT, attention_mask
from gpt.pretrain import Pretraining
from gpt.reading import span_log_probs
from gpt.tokenizer import Tokenizer
from gpt.train import Progress, train
from tests.bench.frozen_loop import FrozenGPT, FrozenLoop, pretraining_loss, reading_loss
from tests.bench.nanogpt_loop import NanoGPT, NanoLoop, adamw

SHAPE = RECIPES["mini"].model
PRETRAIN_ROWS, PRETRAIN_TOKENS = 32, 256  # 8,192 tokens a step; causal, a loss at every position in all loops
READING_ROWS, READING_TOKENS = 42, 192  # 8,064 tokens a step, the usual length of a question with its paragraph
LONG_RUN = 100_000  # steps that are planned, so that a loop which prepares for long runs does so; few are made
WARM_UP_STEPS = 3
LOOPS = {"pretraining": ("ours", "frozen", "nanogpt", "nanogpt-compiled"), "reading": ("ours", "frozen")}


class Enough(Exception):
    """The steps to be timed are made."""


@dataclass(frozen=True)
class ReadingBatches:
    """A `Task` of pointing into rows of random tokens, without the work of making prompts."""

    name: str = "reading"

    def batch(self) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """ids, marks, mask, target: as `gpt.reading_data.Reading` makes them."""
        rng = torch.Generator().manual_seed(0)
        size = (READING_ROWS, READING_TOKENS)
        lengths = torch.randint(READING_TOKENS - 16, READING_TOKENS + 1, size[:1], generator=rng)
        ids, marks = (torch.randint(n, size, generator=rng) for n in (SHAPE.vocab_size, SHAPE.n_marks))
        target = torch.randint(READING_TOKENS - 16, (READING_ROWS, 2), generator=rng)
        return ids, marks, attention_mask(lengths, lengths, READING_TOKENS), target

    def loss(self, model: GPT, step: int) -> tuple[Tensor, int]:
        ids, marks, mask, target = self.batch()
        allowed = torch.ones(ids.shape, dtype=torch.bool)
        log_p = span_log_probs(model.span_logits(model(ids, marks, mask)), allowed)
        return -log_p.gather(1, target[:, None, :]).mean(), ids.numel()

    def evaluate(self, model: GPT) -> dict[str, float]:
        return {}


def random_tokens() -> np.ndarray:
    return np.random.default_rng(0).integers(0, SHAPE.vocab_size - 200, 200_000).astype(np.uint16)


def pretraining_config() -> TrainConfig:
    tokens = PRETRAIN_ROWS * PRETRAIN_TOKENS
    return TrainConfig(steps=LONG_RUN, batch_tokens=tokens, row_tokens=PRETRAIN_TOKENS, prefix_fraction=0.0)


def pretraining_task() -> Pretraining:
    tokens = random_tokens()
    alphabet = Tokenizer(tuple(bytes([b]) for b in range(256)))
    return Pretraining(TokenStream(tokens, tokens[:0]), alphabet, pretraining_config())


def time_ours(workload: str, steps: int) -> list[float]:
    """Tokens a second of each step of `gpt.train.train`."""
    task = pretraining_task() if workload == "pretraining" else ReadingBatches()
    rates: list[float] = []
    clock = [time.perf_counter(), 0.0]

    def on_step(progress: Progress) -> None:
        now = time.perf_counter()
        rates.append((progress.tokens - clock[1]) / (now - clock[0]))
        clock[:] = [now, float(progress.tokens)]
        if len(rates) == WARM_UP_STEPS + steps:
            raise Enough

    config = replace(pretraining_config(), checkpoint_every=LONG_RUN)
    with tempfile.TemporaryDirectory() as run, contextlib.suppress(Enough):
        train(GPT(SHAPE), task, config, Path(run), on_step)
    return rates[WARM_UP_STEPS:]


def frozen_loop(workload: str) -> FrozenLoop:
    keep_freed_memory()  # as the loop did
    if workload == "reading":
        reading = ReadingBatches()

        def read(model: FrozenGPT, step: int) -> tuple[Tensor, int]:
            batch = reading.batch()
            return reading_loss(model, *batch), batch[0].numel()

        return FrozenLoop(FrozenGPT(SHAPE), read)
    rows = pretraining_task().rows

    def predict(model: FrozenGPT, step: int) -> tuple[Tensor, int]:
        batch = rows.batch(step)
        ids, targets, prefix = (torch.from_numpy(a) for a in (batch.inputs, batch.targets, batch.prefix))
        mask = attention_mask(torch.full_like(prefix, ids.size(1)), prefix, ids.size(1))
        return pretraining_loss(model, ids, targets, mask), ids.numel()

    return FrozenLoop(FrozenGPT(SHAPE), predict)


def nano_loop(compiled: bool) -> NanoLoop:
    model = NanoGPT(SHAPE, PRETRAIN_TOKENS)
    optimizer = adamw(model)
    if compiled:
        model.compile()
    return NanoLoop(model, optimizer, random_tokens(), PRETRAIN_TOKENS, PRETRAIN_ROWS)


def time_loop(advance: Callable[[], int], steps: int) -> list[float]:
    """Tokens a second of each step after the first few."""
    rates = []
    for _ in range(WARM_UP_STEPS + steps):
        started = time.perf_counter()
        rates.append(advance() / (time.perf_counter() - started))
    return rates[WARM_UP_STEPS:]


def measure(loop: str, workload: str, steps: int) -> float:
    """The median tokens a second of that loop in this process."""
    torch.manual_seed(0)
    if loop == "ours":
        rates = time_ours(workload, steps)
    elif loop == "frozen":
        rates = time_loop(frozen_loop(workload).advance, steps)
    else:
        rates = time_loop(nano_loop(loop == "nanogpt-compiled").advance, steps)
    return float(np.median(rates))


def flops_per_token(config: GPTConfig, workload: str) -> int:
    """Forward and backward: 6 a matrix parameter and 12 * n_layer * n_embd a position attended (PaLM, appendix B); the
    tied embedding counts where it makes logits. Nothing is subtracted for causal rows."""
    block = 4 * config.n_embd**2 + 3 * config.n_embd * config.n_hidden
    matrices = config.n_layer * block + (config.vocab_size * config.n_embd if workload == "pretraining" else 0)
    length = PRETRAIN_TOKENS if workload == "pretraining" else READING_TOKENS
    return 6 * matrices + 12 * config.n_layer * config.n_embd * length


def own_shapes(config: GPTConfig, workload: str) -> list[tuple[int, int, int, int, int]]:
    """(batch, m, k, n, times) of every product y = x W^T of a forward pass."""
    rows, length = (PRETRAIN_ROWS, PRETRAIN_TOKENS) if workload == "pretraining" else (READING_ROWS, READING_TOKENS)
    N, C, H, L = rows * length, config.n_embd, config.n_hidden, config.n_layer
    linear = [(1, N, C, 3 * C, L), (1, N, C, C, L), (1, N, C, 2 * H, L), (1, N, H, C, L)]
    logits = [(1, N, C, config.vocab_size, 1)] if workload == "pretraining" else []
    heads = rows * config.n_head
    return [*linear, *logits, (heads, length, config.head_dim, length, L), (heads, length, length, config.head_dim, L)]


def product_seconds(batch: int, m: int, k: int, n: int, repeats: int = 5) -> float:
    """The least seconds of y = x w^T and of its two gradients, bfloat16."""
    x, w, g = (torch.randn(batch, *size).to(torch.bfloat16).squeeze(0) for size in ((m, k), (n, k), (m, n)))
    times = []
    for _ in range(repeats):
        started = time.perf_counter()
        x @ w.mT
        g @ w
        g.mT @ x
        times.append(time.perf_counter() - started)
    return min(times)


def matmul_tflops(shapes: Sequence[tuple[int, int, int, int, int]]) -> float:
    """10^12 floating-point operations a second over all the products and their gradients."""
    seconds = sum(times * product_seconds(b, m, k, n) for b, m, k, n, times in shapes)
    return sum(6 * times * b * m * k * n for b, m, k, n, times in shapes) / seconds / 1e12


def in_own_process(loop: str, workload: str, steps: int) -> float:
    command = [sys.executable, "-m", "tests.bench.training_rates", "--one", loop, workload, "--steps", str(steps)]
    done = subprocess.run(command, cwd=Path(__file__).parents[2], stdout=subprocess.PIPE, text=True, check=True)
    return float(json.loads(done.stdout.splitlines()[-1]))


def compare(workload: str, rounds: int, steps: int) -> dict[str, list[float]]:
    """Each loop's tokens a second, round by round; every second round runs in the opposite order."""
    rates: dict[str, list[float]] = {loop: [] for loop in LOOPS[workload]}
    for number in range(rounds):
        for loop in LOOPS[workload][:: -1 if number % 2 else 1]:
            rates[loop].append(in_own_process(loop, workload, steps))
    return rates


def table(workload: str, rates: dict[str, list[float]], own: float, cube: float) -> str:
    """In Markdown: the median round of each loop, the ratio of ours to it, and its share of the matmul rates."""
    lines = [f"{workload}: bf16 products {cube:.2f} TFLOP/s at 2048 cubed, {own:.2f} at the model's own shapes"]
    lines += ["", "| loop | tokens/s (least to most) | ours to it | TFLOP/s | of 2048 cubed | of own shapes |"]
    lines.append("|---|---|---|---|---|---|")
    flops = flops_per_token(SHAPE, workload)
    ours = float(np.median(rates["ours"]))
    for loop, found in rates.items():
        middle = float(np.median(found))
        tflops = middle * flops / 1e12
        span = f"{middle:,.0f} ({min(found):,.0f} to {max(found):,.0f})"
        shares = f"{tflops:.2f} | {tflops / cube:.0%} | {tflops / own:.0%}"
        lines.append(f"| {loop} | {span} | {ours / middle:.2f} | {shares} |")
    return "\n".join(lines)


def main(argv: Sequence[str] | None = None) -> dict[str, dict[str, list[float]]]:
    """Prints both tables and gives the rates behind them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=8, help="steps timed in a process, after the first few")
    parser.add_argument("--workloads", nargs="+", choices=list(LOOPS), default=list(LOOPS))
    parser.add_argument("--one", nargs=2, metavar=("LOOP", "WORKLOAD"), help=argparse.SUPPRESS)
    args = parser.parse_args(argv)
    if args.one:
        print(json.dumps(measure(*args.one, args.steps)))  # noqa: T201
        return {}
    found = {}
    for workload in args.workloads:
        found[workload] = compare(workload, args.rounds, args.steps)
        own, cube = matmul_tflops(own_shapes(SHAPE, workload)), matmul_tflops([(1, 2048, 2048, 2048, 1)])
        print(table(workload, found[workload], own, cube), end="\n\n")  # noqa: T201
    return found


if __name__ == "__main__":
    main()
