"""On the rented machine, while parcels still arrive: does everything run here, and how fast?

    python3 -m deploy.gpu.check [DEVICE]

Prints the versions, the rate of large matrix products, and the speed of `base`'s stages on random tokens. Compiled code is
kept by the compiler's cache, so that the run itself starts sooner.
"""

from __future__ import annotations

import logging
import sys
import time
from dataclasses import replace

import numpy as np
import torch

from gpt.budget import stage_configs
from gpt.config import GPTConfig, TrainConfig, recipe
from gpt.cuda import accelerate, describe, peak_flops, utilization
from gpt.data import TokenStream
from gpt.detection import Detection
from gpt.model import GPT
from gpt.optim import MuonAdamW
from gpt.pretrain import Pretraining
from gpt.replacements import Replacements
from gpt.tokenizer import Tokenizer
from gpt.train import Task

WARM_STEPS, TIMED_STEPS = 5, 30


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def wait(device: str) -> float:
    """The time once the device has done what it was given."""
    if device.startswith("cuda"):
        torch.cuda.synchronize()
    return time.perf_counter()


def product_flops(device: str, size: int) -> float:
    """FLOP/s of a square bfloat16 matrix product on random data, the mean of ten after three."""
    a, b = (torch.randn(size, size, device=device, dtype=torch.bfloat16) for _ in range(2))
    for _ in range(3):
        a @ b
    started = wait(device)
    for _ in range(10):
        a @ b
    return 10 * 2 * size**3 / (wait(device) - started)


def random_task(stage: str, config: GPTConfig, training: TrainConfig, device: str) -> Pretraining | Detection:
    """A stage on random tokens; enough of them for some steps."""
    tokens = np.random.default_rng(0).integers(0, 256, 4 * training.batch_tokens).astype(np.uint16)
    tokenizer = Tokenizer(tuple(bytes([b]) for b in range(256)))
    stream = TokenStream(tokens, tokens[:0])
    if stage == "pretrain":
        return Pretraining(stream, tokenizer, training, device)
    return Detection(stream, Replacements.build(tokens, config.vocab_size), tokenizer, training, device)


def tokens_per_second(model: GPT, task: Task, training: TrainConfig, device: str) -> float:
    """Of whole steps, optimizer included, after WARM_STEPS."""
    optimizer = MuonAdamW(model.train(), training)
    started, tokens = 0.0, 0
    for step in range(WARM_STEPS + TIMED_STEPS):
        if step == WARM_STEPS:
            started, tokens = wait(device), 0
        loss, n = task.loss(model, step)
        loss.backward()
        optimizer.step(step)
        tokens += n
    return tokens / (wait(device) - started)


def main(device: str, name: str = "base", size: int = 8192) -> None:
    logging.basicConfig(level=logging.INFO, stream=sys.stdout, format="%(asctime)s %(name)s %(message)s")
    say(f"Python {sys.version.split()[0]}, torch {torch.__version__}, numpy {np.__version__}, {describe(device)}")
    say(f"matrix products: {product_flops(device, size) / 1e12:.2f} TFLOP/s")
    chosen = recipe(name)
    for stage in ("pretrain", "detect"):
        config = stage_configs(chosen).get(stage)
        if config is None:
            continue
        training = replace(config, steps=1000)
        torch.manual_seed(0)
        model = GPT(chosen.model).to(device)
        task = accelerate(model, random_task(stage, chosen.model, training, device), device)
        rate = tokens_per_second(model, task, training, device)
        used = utilization(chosen.model.flops_per_token(training.row_tokens), rate, peak_flops(device))
        say(f"{stage} {name}: {rate:,.0f} tokens/s{used}")


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "cuda")
