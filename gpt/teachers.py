"""Readers that teach another one: beside the one labelled answer it learns how sure they are of every other.

What two readers of equal strength make of a prompt together is better than what either does, and one of their size can
learn it (Hinton et al. 2015; readers of their own teachers' size: Furlanello et al. 2018).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor

from gpt.checkpoint import Released
from gpt.compiled import compile_blocks
from gpt.config import TrainConfig
from gpt.errors import ConfigError
from gpt.model import GPT
from gpt.reader import Reader
from gpt.reading import PromptBatch, span_log_probs
from gpt.tokenizer import Tokenizer


class Teachers:
    """Called with a batch: P of the answer's first and last token, (B, T, 2), by the normalised geometric mean of the
    models'. Zero where no answer may stand; no gradient.

    Raises ConfigError when there is none.
    """

    def __init__(self, models: Sequence[GPT]):
        if not models:
            raise ConfigError("no teacher; name at least one released model")
        self.models = [model.eval() for model in models]

    def __call__(self, batch: PromptBatch) -> Tensor:
        with torch.no_grad():
            each = [
                span_log_probs(m.span_logits(m(batch.ids, batch.marks, batch.mask)), batch.allowed).float()
                for m in self.models
            ]
            return torch.stack(each).mean(dim=0).softmax(dim=1)


def load_teachers(
    folders: Sequence[str], tokenizer: Tokenizer, student: GPT, config: TrainConfig, device: str = "cpu"
) -> tuple[Teachers, str]:
    """The released models of these folders or names, compiled where a run of `config` is, and who they are: each one's name, the
    fingerprint of its recipe and, where its card has it, F1 on held-out articles.

    Raises CheckpointError for a folder without a model, ConfigError for one that cannot read the student's prompts.
    """
    released = [Reader.load(Path(folder)).released for folder in folders]
    for folder, teacher in zip(folders, released, strict=True):
        _check(folder, teacher, tokenizer, student)
    models = [teacher.model.to(device) for teacher in released]
    if device == "cpu":
        for model in models:
            compile_blocks(model, config)
    return Teachers(models), "; ".join(map(_told, released))


def _check(folder: str, teacher: Released, tokenizer: Tokenizer, student: GPT) -> None:
    if teacher.tokenizer.fingerprint != tokenizer.fingerprint:
        raise ConfigError(
            f"the teacher {folder} has another tokenizer than this run; begin the run with the teacher's tokenizer.json "
            "in its folder, or train without this teacher"
        )
    theirs, ours = teacher.model.config, student.config
    if (theirs.context_len, theirs.n_marks) != (ours.context_len, ours.n_marks):
        raise ConfigError(
            f"the teacher {folder} reads prompts of {theirs.context_len} tokens with {theirs.n_marks} marks, this run's "
            f"have {ours.context_len} and {ours.n_marks}; train without this teacher"
        )


def _told(teacher: Released) -> str:
    recipe = teacher.training.get("recipe_fingerprint", "unknown")
    f1 = teacher.training.get("held_out", {}).get("f1")
    return f"{teacher.name} (recipe {recipe}" + (f", F1 {f1})" if f1 is not None else ")")
