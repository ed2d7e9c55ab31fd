"""Readers that teach another one."""

from __future__ import annotations

import copy
import dataclasses
from pathlib import Path

import pytest
import torch

from gpt.checkpoint import Released, release
from gpt.config import GPTConfig, TrainConfig
from gpt.cuda import FastReading
from gpt.errors import CheckpointError, ConfigError
from gpt.model import GPT
from gpt.reading import span_log_probs
from gpt.reading_data import ReadingData
from gpt.reading_task import Reading
from gpt.squad import Article
from gpt.teachers import Teachers, load_teachers
from gpt.tokenizer import Tokenizer, train_tokenizer
from tests.gpt.conftest import sentences

CONFIG = TrainConfig(steps=10, batch_tokens=600, unanswerable=0.3)


def other(model: GPT, seed: int) -> GPT:
    """A model of that shape with other weights."""
    made = copy.deepcopy(model)
    torch.manual_seed(seed)
    with torch.no_grad():
        for p in made.parameters():
            p.add_(torch.randn_like(p) * 0.1)
    return made


def reading(tokenizer: Tokenizer, articles: list[Article], teachers: Teachers | None, **changes: float) -> Reading:
    config = dataclasses.replace(CONFIG, **changes)  # type: ignore[arg-type]
    return Reading(ReadingData.build(tokenizer, articles), config, context_len=128, teachers=teachers)


def test_teachers_say_the_geometric_mean_of_what_each_says(
    model: GPT, tokenizer: Tokenizer, articles: list[Article]
) -> None:
    models = [other(model, 1), other(model, 2)]
    batch, _ = reading(tokenizer, articles, None).batch(0)
    found = Teachers(models)(batch)
    for row, end in ((0, 0), (3, 1)):
        allowed = batch.allowed[row].nonzero().flatten().tolist()
        expected = torch.ones(len(allowed))
        for one in models:
            logits = one.span_logits(one(batch.ids, batch.marks, batch.mask))[row, allowed, end]
            expected = expected * logits.softmax(0) ** 0.5
        torch.testing.assert_close(found[row, allowed, end], expected / expected.sum(), rtol=1e-4, atol=1e-6)
    assert not found.requires_grad
    assert found[~batch.allowed].abs().sum() == 0
    with pytest.raises(ConfigError, match="no teacher"):
        Teachers([])


@pytest.mark.parametrize("taught", [0.0, 0.3, 1.0])
def test_the_loss_mixes_labels_and_what_teachers_say(
    model: GPT, tokenizer: Tokenizer, articles: list[Article], taught: float
) -> None:
    teacher = other(model, 1)
    task = reading(tokenizer, articles, Teachers([teacher]), taught=taught)
    batch, target = task.batch(2)
    with torch.no_grad():
        p = span_log_probs(teacher.span_logits(teacher(batch.ids, batch.marks, batch.mask)), batch.allowed).exp()
        log_p = span_log_probs(model.span_logits(model(batch.ids, batch.marks, batch.mask)), batch.allowed)
    expected = []
    for row, allowed in enumerate(batch.allowed):
        for end in (0, 1):
            label = -log_p[row, int(target[row, end]), end]
            belief = -(p[row, allowed, end] * log_p[row, allowed, end]).sum()
            expected.append((1 - taught) * label + taught * belief)
    assert task.loss(model, 2)[0].item() == pytest.approx(torch.stack(expected).mean().item(), rel=1e-4)


def test_teachers_have_no_say_about_altered_paragraphs(model: GPT, altering: ReadingData) -> None:
    config = dataclasses.replace(CONFIG, batch_tokens=4000, unanswerable=0.5, misleading=1.0, altered=0.5, taught=1.0)
    teacher = Teachers([other(model, 1)])
    task = Reading(altering, config, context_len=256, teachers=teacher)
    batch, target = task.batch(0)
    altered = task.untaught(0)
    assert 0 < altered.sum() < len(altered)
    with torch.no_grad():
        p = teacher(batch)
        log_p = span_log_probs(model.span_logits(model(batch.ids, batch.marks, batch.mask)), batch.allowed)
        labels = -log_p.gather(1, target[:, None, :]).mean(dim=(1, 2))
        believed = -(p * log_p.masked_fill(p == 0, 0.0)).sum(dim=1).mean(dim=1)
    expected = torch.where(altered, labels, believed).mean().item()
    assert task.loss(model, 0)[0].item() == pytest.approx(expected, rel=1e-4)
    fast = FastReading(task, "cpu", n_workers=0)
    assert fast.loss(model, 0)[0].item() == task.loss(model, 0)[0].item()


def test_a_reader_has_nothing_to_learn_from_itself(model: GPT, tokenizer: Tokenizer, articles: list[Article]) -> None:
    def gradient(teacher: GPT) -> float:
        model.zero_grad()
        reading(tokenizer, articles, Teachers([teacher]), taught=1.0).loss(model, 0)[0].backward()
        return sum(float(p.grad.norm()) for p in model.parameters() if p.grad is not None)

    assert gradient(copy.deepcopy(model)) < 1e-3 * gradient(other(model, 1))


def test_teachers_see_the_words_that_the_reader_does_not(
    model: GPT, tokenizer: Tokenizer, articles: list[Article]
) -> None:
    seen: list[torch.Tensor] = []
    teacher = other(model, 1)
    teacher.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    task = reading(tokenizer, articles, Teachers([teacher]), token_dropout=0.5)
    task.loss(model, 1)
    mask = tokenizer.special_ids["<|mask|>"]
    assert torch.equal(seen[0], task.batch(1)[0].ids)
    assert mask not in seen[0]
    assert mask in task.shown(seen[0], 1)


def test_learning_from_teachers_is_the_same_with_batches_made_ahead(
    model: GPT, tokenizer: Tokenizer, articles: list[Article]
) -> None:
    task = reading(tokenizer, articles, Teachers([other(model, 1)]), token_dropout=0.2)
    fast = FastReading(task, "cpu", n_workers=0)
    assert fast.loss(model, 3)[0].item() == task.loss(model, 3)[0].item()


def test_a_released_model_teaches_what_can_read_the_same_prompts(
    model: GPT, tokenizer: Tokenizer, articles: list[Article], tmp_path: Path
) -> None:
    training = {"recipe_fingerprint": "0123", "held_out": {"f1": 61.5}}
    calibration = {"slope": 1.0, "log_passages": 0.0, "intercept": 0.0, "threshold": 0.5}
    release(tmp_path / "one", Released("one", other(model, 1), tokenizer, calibration, training), "", "int8")
    foreign = train_tokenizer(sentences(300, seed=1), vocab_size=320)
    release(tmp_path / "foreign", Released("foreign", model, foreign, calibration, {}), "", "int8")
    folders = [str(tmp_path / "one")] * 2
    teachers, who = load_teachers(folders, tokenizer, model, CONFIG)
    assert who == "one (recipe 0123, F1 61.5); one (recipe 0123, F1 61.5)"
    batch, _ = reading(tokenizer, articles, None).batch(0)
    assert float(teachers(batch).sum(dim=1).mean()) == pytest.approx(1.0, abs=1e-3)
    with pytest.raises(ConfigError, match=r"foreign has another tokenizer than this run; begin the run with"):
        load_teachers([*folders, str(tmp_path / "foreign")], tokenizer, model, CONFIG)
    short = GPT(GPTConfig(depth=2, aspect=16, head_dim=16, vocab_size=320, context_len=64), torch.float32)
    with pytest.raises(ConfigError, match=r"prompts of 256 tokens with \d+ marks, this run's\s+have 64"):
        load_teachers(folders, tokenizer, short, CONFIG)
    with pytest.raises(CheckpointError, match="no model at"):
        load_teachers([str(tmp_path / "none")], tokenizer, model, CONFIG)
