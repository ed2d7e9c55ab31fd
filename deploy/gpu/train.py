"""On the rented machine: trains the bundle's recipe before the deadline, releases and scores the reader. Resumable.

    python3 -m deploy.gpu.train STORE [DEVICE]      called by run.sh; STORE/bundle is what pack.py staged

A stage that goes on with a finished reader may fail: then what was read before it is released and scored. Its name stays in
STORE/failed, so that a run started again does not fail there again.
Writes STORE/status.json (the stages that are done, with their figures) and STORE/scores.json; prints a line now and then.
"""

from __future__ import annotations

import contextlib
import json
import logging
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from gpt.budget import ON_TEXT, OPEN_ENDED, STEPPED, model_at, stage_configs
from gpt.config import Recipe, recipe
from gpt.cuda import FAILURES, describe, peak_flops, utilization
from gpt.errors import GPTError
from gpt.evaluate import evaluate_reader
from gpt.plot import plot_run
from gpt.reader import Reader
from gpt.timed import TimedRun
from gpt.train import Progress

LINE_EVERY_S = 10
AFTER_READING = STEPPED[STEPPED.index("reading") + 1 :]  # stages that only make a finished reader better


def say(text: str) -> None:
    sys.stdout.write(f"{time.strftime('%H:%M:%S')} {text}\n")
    sys.stdout.flush()


def seconds_left(store: Path, minutes: float) -> float:
    """Until the deadline, which the first start sets: a run that starts again gets no more time."""
    file = store / "deadline"
    if not file.exists():
        file.write_text(str(time.time() + 60 * minutes))
    return max(60.0, float(file.read_text()) - time.time())


def narrator(stage: str, flops_per_token: int, device: str) -> Callable[[Progress], None]:
    """Prints step, loss, speed and utilization of the last seconds."""
    at, tokens, peak = time.monotonic(), 0, peak_flops(device)

    def step(progress: Progress) -> None:
        nonlocal at, tokens
        now = time.monotonic()
        if now - at < LINE_EVERY_S and progress.step not in (1, progress.steps):
            return
        rate = (progress.tokens - tokens) / max(now - at, 1e-9)
        used = utilization(flops_per_token, rate, peak)
        steps = "?" if progress.steps == OPEN_ENDED else progress.steps
        say(f"{stage} {progress.step}/{steps} loss {progress.loss:.4f} {rate:,.0f} tokens/s{used}")
        at, tokens = now, progress.tokens

    return step


def without(chosen: Recipe, stage: str) -> Recipe:
    """The recipe up to the last reader before that stage of AFTER_READING: detect2 alone leaves none."""
    first = "detect2" if stage == "reading2" else stage
    return replace(chosen, **dict.fromkeys(AFTER_READING[AFTER_READING.index(first) :], None))  # type: ignore[arg-type]


def main(store: Path, device: str) -> int:
    logging.basicConfig(level=logging.INFO, stream=sys.stdout, format="%(asctime)s %(name)s %(message)s")
    bundle = store / "bundle"
    job = json.loads((bundle / "job.json").read_text())
    chosen, run, corpus = recipe(job["recipe"]), bundle / "run", bundle / "corpus"
    failed = store / "failed"
    if failed.exists():
        chosen = without(chosen, failed.read_text())
    timed = TimedRun(chosen, corpus, run, seconds_left(store, job["minutes"]))
    say(f"{job['recipe']} on {describe(device)}, {timed.left:.0f} s to train")
    status: dict[str, Any] = {}
    for stage, config in stage_configs(chosen).items():
        if stage in job["stages"]:
            context = config.row_tokens if stage in ON_TEXT else chosen.model.context_len // 2
            follow = narrator(stage, model_at(chosen, stage).flops_per_token(context), device)
            try:
                status[stage] = timed.train(stage, follow, device)
            except (*FAILURES, GPTError) as failure:
                if stage not in AFTER_READING:
                    raise
                say(f"{stage} failed, so what was read before it is released: {failure!r}")
                failed.write_text(stage)
                timed.recipe = without(chosen, stage)
                break
            with contextlib.suppress(ImportError):  # no matplotlib there; the numbers come home, too
                plot_run(run / stage, run / stage / "loss.png")
            say(f"{stage} done: {status[stage]}")
            write(store / "status.json", status)
    status["release"] = {"folder": timed.release(device).name}
    write(store / "status.json", status)
    reader = Reader.load(run / "released" / chosen.name)
    reader.released.model.to(device)
    scores: dict[str, dict[str, float]] = {}
    for file in job["score"]:
        scores[file] = evaluate_reader(reader, corpus / file, job["limit"])
        say(f"{file}: {scores[file]}")
        write(store / "scores.json", scores)
    return 0


def write(file: Path, value: dict[str, Any]) -> None:
    """Writes JSON so that a reader in another process never sees half of it."""
    partial = file.with_name(f".{file.name}")
    partial.write_text(json.dumps(value, indent=1))
    partial.rename(file)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else "cuda"))
