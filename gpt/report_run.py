"""What a training run left behind, read back for its report.

Curves and recipe come from the run's own files, so they hold the numbers it was trained with even when the recipe has
changed since. The trained models are asked to write and to answer.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gpt.budget import ON_TEXT, STEPPED
from gpt.checkpoint import load_latest
from gpt.config import GPTConfig, Recipe, config_from_dict
from gpt.errors import CheckpointError, ConfigError, DataError, GPTError
from gpt.model import GPT
from gpt.reader import Reader
from gpt.report_examples import Answers, Sample, ask_questions, write_samples
from gpt.squad import Article, load_articles
from gpt.tokenizer import Tokenizer
from gpt.yardstick import Labelled

READING_CONTEXT = 256  # positions attended by a token of a prompt, about; the model card counts the same


@dataclass(frozen=True)
class Stage:
    """What a stage left in its folder: the lines of loss.jsonl and of scores.jsonl, and the numbers it ran with."""

    name: str
    losses: tuple[dict[str, float], ...]
    scores: tuple[dict[str, float], ...]
    model: dict[str, Any]
    training: dict[str, Any]

    @property
    def last(self) -> dict[str, float]:
        return self.losses[-1]

    @property
    def config(self) -> GPTConfig | None:
        """The model's shape, None when it is of another version."""
        try:
            return config_from_dict(self.model)
        except ConfigError:
            return None

    @property
    def flops(self) -> float | None:
        """Operations of all steps, about."""
        context = self.training.get("row_tokens", READING_CONTEXT) if self.name in ON_TEXT else READING_CONTEXT
        return self.config.flops_per_token(context) * self.last["tokens"] if self.config else None


@dataclass(frozen=True)
class RunReport:
    """All that the page shows. `released` is the released model's config.json, {} before there is one; `missing` says
    in sentences what could not be told."""

    recipe: Recipe
    stages: tuple[Stage, ...]
    samples: tuple[Sample, ...]
    answers: Answers | None
    released: dict[str, Any]
    missing: tuple[str, ...]


def gather(recipe: Recipe, corpus: Path | None, out: Path) -> RunReport:
    """Reads the run's files; the pretrained model writes some text, and the released one answers held-out questions."""
    stages = tuple(read_stage(out / name) for name in STEPPED if (out / name / "loss.jsonl").exists())
    stages = tuple(stage for stage in stages if stage.losses)
    if not stages:
        raise DataError(f"no stage in {out} has left a loss yet; run `studygpt train pretrain {recipe.name}` first")
    missing, samples, answers = list[str](), tuple[Sample, ...](), None
    try:
        samples = write_samples(_pretrained(out), Tokenizer.load(out / "tokenizer.json"))
    except GPTError as error:
        missing.append(f"What the pretrained model writes: {error}.")
    folder = out / "released" / recipe.name
    try:
        reader = Reader.load(folder)
        answers = ask_questions(reader, _held_out(recipe, corpus))
    except GPTError as error:
        missing.append(f"What the reader answers: {error}.")
    found = folder / "config.json"
    released = json.loads(found.read_text(encoding="utf-8")) if found.exists() else {}
    return RunReport(recipe, stages, samples, answers, released, tuple(missing))


def _held_out(recipe: Recipe, corpus: Path | None) -> list[Article]:
    if corpus is None:
        raise DataError("name the folder of the recipe's questions with --corpus")
    articles = [article for file in recipe.qa_files for article in load_articles(corpus / file)]
    return Labelled.of(recipe, articles).never_read


def read_stage(folder: Path) -> Stage:
    """What the stage has written so far; a last line that is being written is passed over."""
    states = sorted(folder.glob("step-*/state.json"))
    identity = json.loads(states[-1].read_text(encoding="utf-8"))["identity"] if states else {}
    losses, scores = (_lines(folder / name) for name in ("loss.jsonl", "scores.jsonl"))
    return Stage(folder.name, losses, scores, identity.get("model", {}), identity.get("training", {}))


def _lines(path: Path) -> tuple[dict[str, float], ...]:
    if not path.exists():
        return ()
    lines = path.read_text(encoding="utf-8").split("\n")
    return tuple(json.loads(line) for line in lines[:-1])


def _pretrained(out: Path) -> GPT:
    found = load_latest(out / "pretrain")
    if found is None:
        raise DataError(f"no checkpoint in {out / 'pretrain'} yet")
    groups, state = found
    model = GPT(config_from_dict(state["identity"]["model"]))
    try:
        model.load_state_dict(groups["average"])
    except RuntimeError as error:
        raise CheckpointError(f"the checkpoint in {out / 'pretrain'} is of another version of studygpt") from error
    return model.eval()
