"""`studygpt train`: the stages of a recipe from the command line. What runs is in gpt/stages.py."""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gpt.config import Recipe
    from gpt.train import Progress

STAGES = ("tokenizer", "pretrain", "reading", "release", "all")
_EPILOG = """examples:
  studygpt train all mini --corpus ../shared/data --out runs/mini
  studygpt train reading mini --corpus ../shared/data --out runs/mini --steps 1000

Every stage goes on from its last checkpoint when it is run again with the same --out. Recipes: tiny (seconds, to try a
machine), mini (two CPU cores, about two hours), base (one large GPU, under half an hour)."""


def register(subparsers: Any) -> None:
    """Adds the `train` command; its `run(args)` returns the exit status."""
    parser = subparsers.add_parser(
        "train",
        help="train a tokenizer, a GPT and a reader",
        description="Train a reader from raw text and questions, stage by stage or all at once.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("stage", choices=STAGES)
    parser.add_argument("recipe", help="name of a recipe: tiny, mini or base")
    parser.add_argument("--corpus", type=Path, required=True, help="folder that holds the recipe's data files")
    parser.add_argument("--out", type=Path, help="folder of the run (default: runs/RECIPE)")
    parser.add_argument("--steps", type=int, help="steps of the stage, instead of the recipe's")
    parser.add_argument("--device", default="cpu", help="cpu, cuda, or another torch device (default: cpu)")
    parser.add_argument("--json", action="store_true", help="print one JSON object on stdout")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Runs the stage (or all of them) and prints what came of it."""
    from gpt.config import recipe

    chosen = recipe(args.recipe)
    out = args.out or Path("runs") / chosen.name
    stages = STAGES[:-1] if args.stage == "all" else (args.stage,)
    results = {}
    for stage in stages:
        steps = args.steps if stage == args.stage else None
        results[stage] = _run_stage(stage, _with_steps(chosen, stage, steps), args, out)
        if not args.json:
            shown = ", ".join(f"{k} {v:.4g}" if isinstance(v, float) else f"{k} {v}" for k, v in results[stage].items())
            print(f"{stage}: {shown}")  # noqa: T201  # the command's output
    if args.json:
        print(json.dumps(results))  # noqa: T201
    return 0


def _with_steps(recipe: Recipe, stage: str, steps: int | None) -> Recipe:
    if steps is None:
        return recipe
    if stage == "pretrain":
        return dataclasses.replace(recipe, pretrain=dataclasses.replace(recipe.pretrain, steps=steps))
    return dataclasses.replace(recipe, reading=dataclasses.replace(recipe.reading, steps=steps))


def _run_stage(stage: str, recipe: Recipe, args: argparse.Namespace, out: Path) -> dict[str, Any]:
    from gpt import stages

    if stage == "tokenizer":
        tokenizer = stages.tokenizer_stage(recipe, args.corpus, out)
        return {"tokens": tokenizer.vocab_size, "path": str(out / "tokenizer.json")}
    if stage == "release":
        return {"path": str(stages.release_stage(recipe, args.corpus, out))}
    from gpt.plot import plot_run

    train = stages.pretrain_stage if stage == "pretrain" else stages.reading_stage
    with _ProgressBar(stage) as bar:
        result = train(recipe, args.corpus, out, bar.update, args.device)
    plot_run(out / stage, out / stage / "loss.png")
    return {**result, "picture": str(out / stage / "loss.png")}


class _ProgressBar:
    """Steps, loss, tokens a second and time left, on stderr."""

    def __init__(self, stage: str):
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("loss {task.fields[loss]:.3f}  {task.fields[rate]:.0f} tokens/s  left"),
            TimeRemainingColumn(),
        )
        self._bar = Progress(*columns, console=Console(file=sys.stderr))
        self._task = self._bar.add_task(stage, total=None, loss=float("nan"), rate=0.0)

    def __enter__(self) -> _ProgressBar:
        self._bar.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._bar.stop()

    @property
    def update(self) -> Callable[[Progress], None]:
        def show(progress: Progress) -> None:
            rate = progress.tokens / max(progress.seconds, 1e-9)
            self._bar.update(self._task, total=progress.steps, completed=progress.step, loss=progress.loss, rate=rate)

        return show
