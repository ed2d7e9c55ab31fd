"""`studygpt train`: the stages of a recipe from the command line. What runs is in gpt/stages.py."""

from __future__ import annotations

import argparse
import dataclasses
import math
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from api.arguments import check_device, folder, minutes, names, positive
from api.console import Report, progress_bar
from gpt.budget import STEPPED, within

if TYPE_CHECKING:
    from rich.console import Console

    from gpt.config import Recipe
    from gpt.timed import TimedRun
    from gpt.train import Progress

STAGES = ("tokenizer", *STEPPED, "release", "report", "all")
_EPILOG = """\
examples:
  studygpt train all mini --corpus data --out runs/mini
  studygpt train reading mini --corpus data --out runs/mini --steps 1000
  studygpt train all base --corpus data --device cuda --minutes 24
  studygpt train reading mini --corpus data --out runs/mini --teacher runs/first/released/mini
  studygpt train report mini --corpus data --out runs/mini
  studygpt train all tiny --dataset notes/ --dataset questions.jsonl --out runs/notes
  studygpt train pretrain mini --dataset hub:some/texts:train --fields title,body
  studygpt train all --docs ~/notes --minutes 10

Every stage goes on from its last checkpoint when it is run again with the same --out. Recipes: tiny (minutes, to try
a machine), mini (two CPU cores, seventeen hours), base (one large GPU, under half an hour).

--dataset takes text (.txt .md), JSON lines, JSON, parquet, folders of these, and hub:NAME[@CONFIG][:SPLIT]; only hub: is
ever looked for outside of this machine. Rows of {context, question, answers} and SQuAD's files are questions, rows of
{question, answers} are questions for which the stage refit looks for passages in the texts, the rest is text. Data sets take
the place of the recipe's files of their kind and join each other.

--docs goes on from a trained reader with questions that your documents ask themselves, and keeps the result only if
held-out questions say that it did not get worse."""


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Adds the command."""
    parser = subparsers.add_parser(
        "train",
        help="train a tokenizer, a GPT and a reader",
        description="Trains a reader from raw text and questions, stage by stage or all at once, or on your documents.",
        epilog=_EPILOG,
    )
    parser.add_argument("stage", choices=STAGES)
    parser.add_argument("recipe", metavar="RECIPE", nargs="?", help="tiny, mini or base; not needed with --docs")
    parser.add_argument("--corpus", metavar="DIR", type=Path, help="folder of the recipe's data files")
    parser.add_argument(
        "--dataset", metavar="DATA", action="append", help="a file, a folder or hub:NAME instead of the recipe's files"
    )
    parser.add_argument("--fields", metavar="A,B", type=names, help="columns of a --dataset's text (default: detected)")
    parser.add_argument("--out", metavar="DIR", type=folder, help="folder of the run (default: runs/RECIPE)")
    parser.add_argument("--steps", metavar="N", type=positive, help="steps of the stage, not the recipe's")
    parser.add_argument(
        "--minutes", metavar="N", type=minutes, help="time of `train all`, whose steps then follow (--docs: default 10)"
    )
    parser.add_argument(
        "--teacher",
        metavar="MODEL",
        type=folder,
        action="append",
        default=[],
        help="a released model, folder or name, that the reading stage learns from beside the labels; again for more",
    )
    parser.add_argument("--device", default="cpu", help="cpu, cuda, or another torch device (default: cpu)")
    own = parser.add_argument_group("your own documents")
    own.add_argument("--docs", metavar="FOLDER", type=folder, help="the documents to go on learning from")
    own.add_argument(
        "--model", metavar="MODEL", type=folder, help="the model that --docs goes on from (default: the released one)"
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> Report:
    """Runs the stage, or all of them. Raises GPTError, IndexerError, OSError."""
    from gpt.config import recipe
    from gpt.errors import ConfigError

    _check(args)
    check_device(args.device)
    if args.docs is not None:
        from api import train_docs

        return train_docs.run(args)
    chosen = recipe(args.recipe) if args.minutes is None else within(recipe(args.recipe), 60 * args.minutes)
    out = args.out or Path("runs") / chosen.name
    if args.dataset:
        chosen = _prepared(chosen, args, out)
    elif args.corpus is None and args.stage != "report":  # which tells what it can from the run alone
        raise ConfigError("nothing to train on: name a folder with --corpus, or your data with --dataset")
    if args.teacher:
        chosen = dataclasses.replace(chosen, teachers=tuple(map(str, args.teacher)))
    timed, stages = _timed(chosen, args, out), _stages(chosen, args.stage)
    results = {stage: _run_stage(stage, _with_steps(chosen, stage, args.steps), args, out, timed) for stage in stages}
    return Report(results, lambda console: _show(console, results))


def _check(args: argparse.Namespace) -> None:
    """Raises ConfigError when options do not go together."""
    from gpt.config import RECIPES
    from gpt.errors import ConfigError

    if args.steps is not None and (args.stage not in STEPPED or args.docs is not None):
        raise ConfigError(
            f"--steps={args.steps} needs one stage that has steps, {', '.join(STEPPED)}, not {args.stage}"
        )
    if args.teacher and (args.stage not in ("reading", "all") or args.docs is not None):
        raise ConfigError(f"--teacher {args.teacher[0]} goes with `train reading` or `train all` of a recipe")
    if args.fields and not args.dataset:
        raise ConfigError(f"--fields={','.join(args.fields)} names columns of a --dataset; name the data set as well")
    if args.docs is None:
        if args.recipe is None:
            raise ConfigError(f"name a recipe ({', '.join(RECIPES)}), or your documents with --docs FOLDER")
        if args.model is not None:
            raise ConfigError(f"--model {args.model} goes with --docs FOLDER; a recipe starts from nothing")
        if args.minutes is not None and args.stage != "all":
            raise ConfigError(f"--minutes {args.minutes} goes with `train all`; `train {args.stage}` has --steps")
        return
    if args.stage != "all":
        raise ConfigError(f"--docs goes with `train all`, not with `train {args.stage}`")
    if args.dataset:
        raise ConfigError("--docs and --dataset do not go together: one goes on from a reader, the other makes one")


def _stages(recipe: Recipe, named: str) -> tuple[str, ...]:
    """The stage of that name; for "all" those that the recipe has."""
    every = tuple(stage for stage in STAGES[:-1] if getattr(recipe, stage, True) is not None)
    return every if named == "all" else (named,)


def _prepared(recipe: Recipe, args: argparse.Namespace, out: Path) -> Recipe:
    """The recipe with the data sets, written into the run's folder, in the place of its files."""
    from gpt.dataset import check_covered, prepare, with_datasets

    kept = out / "datasets"
    n_chars = max(recipe.pretrain_chars, recipe.tokenizer_chars)
    prepared = [prepare(name, kept, args.fields or (), n_chars) for name in args.dataset]
    for made in prepared:
        left_out = f", {made.left_out} without their answer's words left out" if made.left_out else ""
        without = f", {made.open_questions} questions without a passage" if made.open_questions else ""
        sys.stderr.write(f"{made.name}: {made.texts} texts, {made.questions} questions{left_out}{without}\n")
    chosen = with_datasets(recipe, prepared, kept, args.corpus)
    check_covered(chosen, _stages(chosen, args.stage), out)
    args.corpus = args.corpus or kept
    return chosen


def _timed(recipe: Recipe, args: argparse.Namespace, out: Path) -> TimedRun | None:
    """The recipe's stages within --minutes, None when it has its steps."""
    from gpt.timed import TimedRun

    return TimedRun(recipe, args.corpus, out, 60 * args.minutes) if args.minutes is not None else None


def _with_steps(recipe: Recipe, stage: str, steps: int | None) -> Recipe:
    config = getattr(recipe, stage) if steps is not None else None
    if config is None:  # the stage itself says so when the recipe has none
        return recipe
    return dataclasses.replace(recipe, **{stage: dataclasses.replace(config, steps=steps)})


def _run_stage(
    stage: str, recipe: Recipe, args: argparse.Namespace, out: Path, timed: TimedRun | None
) -> dict[str, Any]:
    from gpt import stages
    from gpt.plot import plot_run
    from gpt.report import write_report

    if stage == "tokenizer":
        tokenizer = stages.tokenizer_stage(recipe, args.corpus, out)
        return {"vocab_size": tokenizer.vocab_size, "path": str(out / "tokenizer.json")}
    if stage == "release":
        return {"path": str(stages.release_stage(recipe, args.corpus, out, args.device))}
    if stage == "report":
        return {"path": str(write_report(recipe, args.corpus, out))}
    train = stages.STEPPED[stage]
    with progress_bar(sys.stderr, "steps") as step:

        def on_step(progress: Progress) -> None:
            rate = progress.tokens / max(progress.seconds, 1e-9)
            step(f"{stage}, loss {progress.loss:.3f}, {rate:.0f} tokens/s", progress.step, progress.steps)

        if timed is not None:
            result = timed.train(stage, on_step, args.device)
        else:
            result = train(recipe, args.corpus, out, on_step, args.device)
    picture = out / stage / "loss.png"
    plot_run(out / stage, picture)
    known = {k: None if isinstance(v, float) and math.isnan(v) else v for k, v in result.items()}
    return {**known, "picture": str(picture)}


def _show(console: Console, results: dict[str, dict[str, Any]]) -> None:
    for stage, result in results.items():
        shown = (f"{k} {v:.4g}" if isinstance(v, float) else f"{k} {v}" for k, v in result.items() if v is not None)
        console.print(f"{stage}: {', '.join(shown)}", soft_wrap=True)
