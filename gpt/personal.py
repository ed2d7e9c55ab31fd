"""The user's own GPT: a released reader goes on learning from the user's documents, and is kept only if held-out
questions say that it did not get worse.

The documents ask the questions themselves (gpt/self_made.py). Some documents are held out for the judgement, and so
is a general set, lest the reader forget how to read anything else: SQuAD's held-out articles when the labelled data
are at hand, else our own questions about our own notes (general_questions.json). Labelled questions, when there
are some, are mixed in as replay (Robins 1995: the plainest remedy for forgetting).
"""

from __future__ import annotations

import hashlib
import shutil
import time
from collections.abc import Callable, Sequence
from copy import deepcopy
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from gpt.budget import Pacer, open_ended
from gpt.checkpoint import Released, release
from gpt.config import Recipe, TrainConfig
from gpt.errors import ConfigError, DataError
from gpt.judge import Marks, Verdict, compare, read_held_out
from gpt.model import GPT
from gpt.reader import RELEASED
from gpt.reading_data import ReadingData
from gpt.reading_task import Reading
from gpt.self_made import Document, count_questions, self_made_articles
from gpt.squad import Article, load_articles
from gpt.timed import compiled_if_worth
from gpt.train import Progress, train
from gpt.yardstick import HeldOut, Labelled, Yardstick

GENERAL = Path(__file__).parent / "general_questions.json"
HELD_OUT_SHARE = 8  # one document in eight is held out
MIN_HELD_OUT, MAX_HELD_OUT = 10, 200  # questions of the user's held-out documents
MAX_GENERAL = 300
QUESTIONS_A_MINUTE = 3000  # more than two CPU cores read in a minute; encoding the rest would be time lost
WAYS = (1.0, 0.5)  # judged in this order: halfway keeps most of what was learnt and forgets less (Wortsman et al. 2022)
LATE = 1.1  # of the training time; a machine that slows down while the rate cools must not run on
MIN_SECONDS = 2.0  # of training

_CONFIG = TrainConfig(  # a tenth of the rates that made the reader: it shall learn the notes and not forget to read
    steps=1,
    batch_tokens=4096,
    muon_lr=0.002,
    adam_lr=0.0003,
    warmup_steps=10,
    cooldown=0.5,
    ema_decay=0.98,
    checkpoint_every=100,
)


@dataclass(frozen=True)
class Plan:
    """What is asked for: `seconds` in all from `started` on, by the `clock`, and the folder of the kept model."""

    seconds: float
    out: Path
    started: float
    config: TrainConfig = _CONFIG
    device: str = "cpu"
    clock: Callable[[], float] = time.monotonic


@dataclass(frozen=True)
class Material:
    """Articles to learn from and to be judged on. `general_name` says what the general ones are."""

    own: list[Article]
    own_held_out: list[Article]
    replay: list[Article]
    general: list[Article]
    general_name: str


@dataclass(frozen=True)
class Outcome:
    """`folder` is None when the released model stays; questions and replay count what was learnt from; `way` is how far
    from the released weights to the trained ones the judged model stands."""

    folder: Path | None
    own: Verdict
    general: Verdict
    general_name: str
    questions: int
    replay: int
    steps: int
    way: float
    seconds: float


def gather(documents: Sequence[Document], plan: Plan, recipe: Recipe, corpus: Path | None) -> Material:
    """Splits the documents and finds the general set and the replay. Raises DataError when there is too little text."""
    training, held_out = split_documents(documents)
    own = self_made_articles(training, max(MIN_HELD_OUT, int(QUESTIONS_A_MINUTE * plan.seconds / 60)))
    own_held_out = self_made_articles(held_out, 4 * MAX_HELD_OUT)
    n = (count_questions(own), count_questions(own_held_out))
    if min(n) < MIN_HELD_OUT:
        raise DataError(
            f"{n[0]} questions could be made of the documents to train on and {n[1]} to judge on, "
            f"{MIN_HELD_OUT} of each are needed; add text"
        )
    if corpus is None:
        return Material(own, own_held_out, [], load_articles(GENERAL), "our questions about the sample notes")
    labelled = [article for file in recipe.qa_files for article in load_articles(corpus / file)]
    parts = Labelled.of(recipe, labelled)
    replay = sample_articles(parts.training, count_questions(own))
    return Material(own, own_held_out, replay, parts.never_read, "held-out labelled articles")


def split_documents(documents: Sequence[Document]) -> tuple[list[Document], list[Document]]:
    """(training, held out): every eighth document by the hash of its text, or of a few long ones the part after their
    first seven eighths. The same at every call, whatever the folder is called."""
    if len(documents) < 2 * HELD_OUT_SHARE:
        cuts = [(d, max(1, len(d.passages) * (HELD_OUT_SHARE - 1) // HELD_OUT_SHARE)) for d in documents]
        parts = [(replace(d, passages=d.passages[:cut]), replace(d, passages=d.passages[cut:])) for d, cut in cuts]
        return [a for a, _ in parts], [b for _, b in parts if b.passages]
    ordered = sorted(documents, key=lambda d: hashlib.sha256("\n".join(d.passages).encode()).digest())
    return ordered[len(ordered) // HELD_OUT_SHARE :], ordered[: len(ordered) // HELD_OUT_SHARE]


def sample_articles(articles: Sequence[Article], n_questions: int) -> list[Article]:
    """Articles in a random order that is always the same, as many as hold `n_questions` together, the last one whole."""
    chosen: list[Article] = []
    left = n_questions
    for i in np.random.default_rng(0).permutation(len(articles)):
        if left <= 0:
            break
        chosen.append(articles[i])
        left -= count_questions([articles[i]])
    return chosen


def personalize(
    base: Released, material: Material, plan: Plan, on_step: Callable[[Progress], None] = lambda progress: None
) -> Outcome:
    """Trains a copy of `base` until the time is up, judges it, and writes it to `plan.out` if the documents' score did
    not fall, nor the general one by more than chance.

    A run that was interrupted goes on from its last checkpoint when it is started again with the same documents; until
    the end nothing but that checkpoint is written. Raises ConfigError when the time is too short or `out` is no place
    for it.
    """
    check_out(plan.out)
    tokenizer = base.tokenizer
    own_set = Yardstick.build(tokenizer, material.own_held_out, MAX_HELD_OUT).held_out
    general_set = Yardstick.build(tokenizer, material.general, MAX_GENERAL).held_out
    began = plan.clock()
    before = _mark(base, own_set, general_set)
    judging = plan.clock() - began
    data = ReadingData.build(tokenizer, [*material.own, *material.replay])
    seconds = plan.started + plan.seconds - plan.clock() - 1.1 * len(WAYS) * judging
    if seconds < MIN_SECONDS:
        raise ConfigError(
            f"{plan.seconds:.0f} s are too short: reading and judging alone take {plan.seconds - seconds:.0f} s"
        )
    run = _run_folder(plan, base, material)
    trained = deepcopy(base.model).to(plan.device)
    with compiled_if_worth(plan.device, seconds):
        task = Reading(data, plan.config, base.model.config.context_len, device=plan.device)
        result = train(trained, task, open_ended(plan.config), run, _paced(plan, seconds, on_step))
    for way in WAYS:
        tuned = replace(base, name=plan.out.name, model=between(base.model, trained, way))
        after = _mark(tuned, own_set, general_set)
        own, general = compare(before[0], after[0]), compare(before[1], after[1])
        if keeps(own, general):
            break
    outcome = Outcome(
        plan.out if keeps(own, general) else None,
        own,
        general,
        material.general_name,
        count_questions(material.own),
        count_questions(material.replay),
        result["steps"],
        way,
        plan.clock() - plan.started,
    )
    if outcome.folder:
        training = {**base.training, "personal": _told(outcome, base)}
        release(plan.out, replace(tuned, training=training), personal_card(base, outcome), "bf16")  # as it was judged
    shutil.rmtree(run.parent)
    return outcome


def between(base: GPT, trained: GPT, way: float) -> GPT:
    """A copy of `base`, its weights moved that part of the way to those of `trained`."""
    model = deepcopy(base)  # its blocks are as they were, not compiled
    theirs = dict(trained.named_parameters())
    with torch.no_grad():
        for name, p in model.named_parameters():
            p.lerp_(theirs[name].to(p.device), way)
    return model


def keeps(own: Verdict, general: Verdict) -> bool:
    """Whether the trained model may take the released one's place: what it was trained for must not be lower at all,
    and the general set not by more than chance."""
    return own.after >= own.before and not general.fell


def check_out(out: Path) -> None:
    """Raises ConfigError when a model must not be written there: a released one is never replaced, and no other file."""
    resolved = out.resolve()
    if resolved == RELEASED.resolve() or RELEASED.resolve() in resolved.parents:
        raise ConfigError(f"--out={out} lies among the released models, which stay as they are; name another folder")
    if out.exists() and not (out / "config.json").is_file() and (not out.is_dir() or any(out.iterdir())):
        raise ConfigError(f"--out={out} holds something that is no model; name a new folder")


def personal_card(base: Released, outcome: Outcome) -> str:
    """The card of a personal model: what it was made of, and the scores that let it be kept."""
    rows = [
        f"| {name} | {v.n} | {v.before} | {v.after} | {v.f1_before} | {v.f1_after} |"
        for name, v in (("held-out part of the documents", outcome.own), (outcome.general_name, outcome.general))
    ]
    return f"""# {outcome.folder.name if outcome.folder else base.name}

The model `{base.name}`, trained further on {outcome.questions} questions that one user's documents gave themselves and
{outcome.replay} labelled ones as replay: {outcome.steps} steps, {outcome.seconds:.0f} s in all, by
`studygpt train all --docs`. Its weights stand {outcome.way:.0%} of the way to the trained ones. The vocabulary, the shape and
the abstention's calibration are those of `{base.name}`.

| held-out questions | n | score before | after | F1 before | after |
|---|---|---|---|---|---|
{chr(10).join(rows)}

The score is the mean of F1 and of telling whether the passage answers. The weights hold traces of the documents: share
them only with whom you would show the documents.
"""


def _mark(released: Released, own: Sequence[HeldOut], general: Sequence[HeldOut]) -> tuple[Marks, Marks]:
    return read_held_out(released, own), read_held_out(released, general)


def _paced(plan: Plan, seconds: float, on_step: Callable[[Progress], None]) -> Callable[[Progress], int | None]:
    """Shows each step, plans the number of steps by the clock, and ends the run when it is late all the same."""
    pacer = Pacer(plan.config, seconds, plan.clock)
    began = plan.clock()

    def paced(progress: Progress) -> int | None:
        on_step(progress)
        planned = pacer(progress)
        return progress.step if plan.clock() - began > LATE * seconds else planned

    return paced


def _run_folder(plan: Plan, base: Released, material: Material) -> Path:
    """Where the checkpoints of this very training lie, beside the model to be; those of another one are removed."""
    told = [
        plan.config,
        base.model.config,
        [p.context for a in (*material.own, *material.replay) for p in a.paragraphs],
    ]
    digest = hashlib.sha256(repr(told).encode("utf-8", "surrogatepass"))
    for p in base.model.parameters():
        digest.update(p.detach().cpu().numpy().tobytes())
    runs = plan.out.parent / f".{plan.out.name}.training"
    run = runs / digest.hexdigest()[:16]
    for other in runs.glob("*"):
        if other != run:
            shutil.rmtree(other)
    return run


def _told(outcome: Outcome, base: Released) -> dict[str, Any]:
    told = asdict(outcome) | {"base": base.name}
    del told["folder"]
    return told
