"""Learning from corrupted text: the loss equals its definition, and a model learns to find what was replaced."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from gpt.config import TrainConfig
from gpt.data import TokenStream
from gpt.detection import DETECTION_WEIGHT, MASKED, Detection
from gpt.model import GPT
from gpt.optim import MuonAdamW
from gpt.replacements import Replacements
from gpt.tokenizer import Tokenizer
from tests.gpt.conftest import sentences


@pytest.fixture(scope="module")
def task(tokenizer: Tokenizer) -> Detection:
    stream = TokenStream.build(tokenizer, iter(sentences(800)))
    config = TrainConfig(steps=10, batch_tokens=512, row_tokens=32, replaced=0.3)
    return Detection(stream, Replacements.build(stream.train, 320), tokenizer, config)


def test_the_share_of_tokens_that_was_asked_for_is_taken_away(task: Detection) -> None:
    rows = task.rows.batch(0).inputs.repeat(40, axis=0)
    special = task.tokenizer.special_ids
    corrupted = task.corrupt(rows, np.random.default_rng(0))
    inside = np.zeros(rows.shape, bool)
    inside[:, 1:-1] = rows[:, 1:-1] < min(special.values())
    masked = corrupted == special["<|mask|>"]
    assert (corrupted == rows)[~inside].all()
    assert masked[inside].mean() == pytest.approx(0.3 * MASKED, rel=0.1)
    assert 0 < ((corrupted != rows) & ~masked)[inside].mean() < 0.3 * (1 - MASKED)


def test_the_loss_is_that_of_finding_and_of_correcting(task: Detection, model: GPT) -> None:
    loss, tokens = task.loss(model, 3)
    original = task.rows.batch(3).inputs
    corrupted = task.corrupt(original, np.random.default_rng((task.config.seed, 3, 2)))
    everything = torch.ones(1, 1, 32, 32, dtype=torch.bool)
    found, corrected = [], []
    for row, was in zip(corrupted, original, strict=True):
        ids = torch.from_numpy(row)[None]
        hidden = model(ids, torch.full_like(ids, 4), everything)
        says = torch.sigmoid(model.span_logits(hidden)[0, :, 0]).tolist()
        log_p = model.logits(hidden)[0].log_softmax(-1).detach()
        for at, (now, then) in enumerate(zip(row.tolist(), was.tolist(), strict=True)):
            if now != task.tokenizer.special_ids["<|mask|>"]:
                found.append(-math.log(says[at] if now != then else 1 - says[at]))
            if now != then:
                corrected.append(-float(log_p[at, then]))
    assert tokens == 512
    assert loss.item() == pytest.approx(np.mean(corrected) + DETECTION_WEIGHT * np.mean(found), rel=1e-4)


def test_a_few_steps_teach_to_find_replaced_tokens(task: Detection, model: GPT) -> None:
    before = task.evaluate(model.eval())
    config = TrainConfig(steps=40, warmup_steps=1, cooldown=0.0, muon_lr=0.01, adam_lr=0.003)
    optimizer = MuonAdamW(model, config)
    for step in range(config.steps):
        loss, _ = task.loss(model.train(), step)
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step(step)
    after = task.evaluate(model.eval())
    assert after["replaced_auroc"] > max(0.6, before["replaced_auroc"])
    assert after["corrected_nats"] < before["corrected_nats"] - 0.5


def test_less_held_out_text_than_a_row_is_not_scored(task: Detection, model: GPT) -> None:
    none = TokenStream(task.stream.train, task.stream.validation[:31])
    assert Detection(none, task.replacements, task.tokenizer, task.config).evaluate(model) == {}
