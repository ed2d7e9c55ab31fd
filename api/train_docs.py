"""`studygpt train all --docs FOLDER`: the user's own GPT. What is learnt and how it is judged is in gpt/personal.py."""

from __future__ import annotations

import argparse
import dataclasses
import shlex
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from api.console import Report, one_line, progress_bar
from api.study_folder import read_folder

if TYPE_CHECKING:
    from rich.console import Console

    from gpt.checkpoint import Released
    from gpt.personal import Outcome, Plan
    from gpt.train import Progress
    from indexer.types import Failure

DEFAULT_MINUTES = 10.0
DEFAULT_RECIPE = "mini"  # names the labelled files of --corpus; the shape is the model's own
DEFAULT_NAME = "mine"
clock = time.monotonic  # tests put their own in its place


def run(args: argparse.Namespace) -> Report:
    """Trains on the documents and keeps the result if it did not get worse. Raises GPTError, IndexerError, OSError."""
    from api.settings import load_settings
    from gpt.personal import Plan, check_out
    from gpt.reader import Reader

    started = clock()
    settings = load_settings(data_dir=args.data, model=args.model)
    out = args.out or settings.data_dir / "models" / DEFAULT_NAME
    check_out(out)
    plan = Plan(60 * (args.minutes or DEFAULT_MINUTES), out, started, device=args.device, clock=clock)
    base = Reader.load(settings.model).released
    try:
        with progress_bar(sys.stderr, "steps") as step:
            outcome, failed = _train(args, base, plan, step)
    except KeyboardInterrupt:
        sys.stderr.write(
            f"interrupted: {base.name} stays as it is; the same command goes on from the last checkpoint\n"
        )
        raise
    report = report_json(outcome, base.name, failed)
    return Report(report, lambda console: show(console, outcome, base.name, failed))


def _train(args: argparse.Namespace, base: Released, plan: Plan, step: Any) -> tuple[Outcome, list[Failure]]:
    from gpt.budget import OPEN_ENDED
    from gpt.config import recipe
    from gpt.personal import gather, personalize

    documents, failed = read_folder(args.docs, lambda text: len(base.tokenizer.encode(text)), step)
    step("making questions", 0, 0)
    material = gather(documents, plan, recipe(args.recipe or DEFAULT_RECIPE), args.corpus)
    step("judging the released model", 0, 0)

    def on_step(progress: Progress) -> None:
        planned = progress.steps if progress.steps < OPEN_ENDED else 0
        step(f"learning, loss {progress.loss:.3f}", progress.step, planned)

    return personalize(base, material, plan, on_step), failed


def report_json(outcome: Outcome, base: str, failed: list[Failure]) -> dict[str, Any]:
    """Every number; `kept` says whether there is a new model, `model` which one to use now."""
    told = dataclasses.asdict(outcome)
    folder = told.pop("folder")
    return {
        "kept": folder is not None,
        "model": str(folder) if folder else base,
        **told,
        "failed": [dataclasses.asdict(failure) for failure in failed],
    }


def show(console: Console, outcome: Outcome, base: str, failed: list[Failure]) -> None:
    """The scores before and after, what was decided, and the next command."""
    from rich.table import Table

    for failure in failed:
        console.print(f"not read: {one_line(failure.path)}: {one_line(failure.reason)}", soft_wrap=True)
    replay = f" and {outcome.replay:,} labelled ones" if outcome.replay else ""
    console.print(
        f"{outcome.steps:,} steps on {outcome.questions:,} questions of your documents{replay}, {outcome.seconds:.0f} s",
        soft_wrap=True,
    )
    table = Table("held-out questions", "n", "score before", "after", "F1 before", "after")
    for column in table.columns[1:]:
        column.justify = "right"
    for name, v in (("your documents", outcome.own), (outcome.general_name, outcome.general)):
        table.add_row(name, str(v.n), *(f"{x:.1f}" for x in (v.before, v.after, v.f1_before, v.f1_after)))
    console.print(table)
    console.print(decision(outcome, base), soft_wrap=True)


def decision(outcome: Outcome, base: str) -> str:
    """What was decided and why, with the next command."""
    if outcome.folder is None:
        own, general = outcome.own, outcome.general
        what = (
            f"your documents' {own.before} -> {own.after}"
            if own.after < own.before
            else (f"the general {general.before} -> {general.after} (chance: {general.error})")
        )
        return (
            f"{base} stays, nothing was written: a held-out score fell, {what}. More text or more --minutes may help."
        )
    halfway = "" if outcome.way == 1 else ", halfway between the two models"
    return (
        f"Kept{halfway}: your documents' score did not fall, nor the general one by more than chance "
        f"({outcome.general.error}). Ask it with\n" + next_command(outcome.folder)
    )


def next_command(model: Path) -> str:
    """How the new model is asked."""
    return f"  STUDYGPT_MODEL={shlex.quote(str(model.resolve()))} studygpt ask QUESTION"
