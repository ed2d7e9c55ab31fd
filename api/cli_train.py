"""`studygpt train`: the stages of a recipe from the command line. What runs is in gpt/stages.py."""

from __future__ import annotations

import argparse
import dataclasses
import math
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from api.arguments import check_device, positive
from api.console import Report, progress_bar

if TYPE_CHECKING:
    from rich.console import Console

    from gpt.config import Recipe
    from gpt.train import Progress

STAGES = ("tokenizer", "pretrain", "reading", "reinforce", "release", "all")
STEPPED = ("pretrain", "reading", "reinforce")
_EPILOG = """\
examples:
  studygpt train all mini --corpus data --out runs/mini
  studygpt train reading mini --corpus data --out runs/mini --steps 1000

Every stage goes on from its last checkpoint when it is run again with the same --out. Recipes: tiny (seconds, to try
a machine), mini (two CPU cores, about two hours), base (one large GPU, under half an hour)."""


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Adds the command."""
    parser = subparsers.add_parser(
        "train",
        help="train a tokenizer, a GPT and a reader",
        description="Trains a reader from raw text and questions, stage by stage or all at once.",
        epilog=_EPILOG,
    )
    parser.add_argument("stage", choices=STAGES)
    parser.add_argument("recipe", metavar="RECIPE", help="tiny, mini or base")
    parser.add_argument("--corpus", metavar="DIR", type=Path, required=True, help="folder of the recipe's data files")
    parser.add_argument("--out", metavar="DIR", type=Path, help="folder of the run (default: runs/RECIPE)")
    parser.add_argument("--steps", metavar="N", type=positive, help="steps of the stage, not the recipe's")
    parser.add_argument("--device", default="cpu", help="cpu, cuda, or another torch device (default: cpu)")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> Report:
    """Runs the stage, or all of them. Raises GPTError, OSError."""
    from gpt.config import recipe
    from gpt.errors import ConfigError

    if args.steps is not None and args.stage not in STEPPED:
        raise ConfigError(
            f"--steps={args.steps} needs one stage that has steps, {', '.join(STEPPED)}, not {args.stage}"
        )
    check_device(args.device)
    chosen = recipe(args.recipe)
    out = args.out or Path("runs") / chosen.name
    every = tuple(stage for stage in STAGES[:-1] if stage != "reinforce" or chosen.reinforce)
    stages = every if args.stage == "all" else (args.stage,)
    results = {stage: _run_stage(stage, _with_steps(chosen, stage, args.steps), args, out) for stage in stages}
    return Report(results, lambda console: _show(console, results))


def _with_steps(recipe: Recipe, stage: str, steps: int | None) -> Recipe:
    config = getattr(recipe, stage) if steps is not None else None
    if config is None:  # the stage itself says so when the recipe has none
        return recipe
    return dataclasses.replace(recipe, **{stage: dataclasses.replace(config, steps=steps)})


def _run_stage(stage: str, recipe: Recipe, args: argparse.Namespace, out: Path) -> dict[str, Any]:
    from gpt import stages
    from gpt.plot import plot_run

    if stage == "tokenizer":
        tokenizer = stages.tokenizer_stage(recipe, args.corpus, out)
        return {"vocab_size": tokenizer.vocab_size, "path": str(out / "tokenizer.json")}
    if stage == "release":
        return {"path": str(stages.release_stage(recipe, args.corpus, out))}
    trainers = {"pretrain": stages.pretrain_stage, "reading": stages.reading_stage, "reinforce": stages.reinforce_stage}
    train = trainers[stage]
    with progress_bar(sys.stderr, "steps") as step:

        def on_step(progress: Progress) -> None:
            rate = progress.tokens / max(progress.seconds, 1e-9)
            step(f"{stage}, loss {progress.loss:.3f}, {rate:.0f} tokens/s", progress.step, progress.steps)

        result = train(recipe, args.corpus, out, on_step, args.device)
    picture = out / stage / "loss.png"
    plot_run(out / stage, picture)
    known = {k: None if isinstance(v, float) and math.isnan(v) else v for k, v in result.items()}
    return {**known, "picture": str(picture)}


def _show(console: Console, results: dict[str, dict[str, Any]]) -> None:
    for stage, result in results.items():
        shown = (f"{k} {v:.4g}" if isinstance(v, float) else f"{k} {v}" for k, v in result.items() if v is not None)
        console.print(f"{stage}: {', '.join(shown)}", soft_wrap=True)
