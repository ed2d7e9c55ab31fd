"""Pretraining: its loss equals the definition, and bits per byte do not depend on how text is tokenized."""

from __future__ import annotations

import math

import numpy as np
import torch

from gpt.config import TrainConfig
from gpt.data import TokenStream
from gpt.model import GPT
from gpt.pretrain import Pretraining, bits_per_byte
from gpt.tokenizer import Tokenizer
from tests.gpt.conftest import sentences


def task(tokenizer: Tokenizer, **changes: float) -> Pretraining:
    stream = TokenStream.build(tokenizer, iter(sentences(400)))
    config = TrainConfig(steps=10, batch_tokens=256, row_tokens=32, **changes)  # type: ignore[arg-type]
    return Pretraining(stream, tokenizer, config)


def test_the_loss_is_the_mean_surprise_of_the_tokens_after_the_prefix(tokenizer: Tokenizer, model: GPT) -> None:
    t = task(tokenizer, prefix_fraction=0.0)
    loss, tokens = t.loss(model, 0)
    batch = t.rows.batch(0)
    log_p = model.logits(model(torch.from_numpy(batch.inputs))).log_softmax(-1)
    expected = -np.mean([[log_p[b, i, batch.targets[b, i]].item() for i in range(32)] for b in range(8)])
    assert tokens == 256
    assert abs(loss.item() - expected) < 1e-4


def test_a_model_that_knows_nothing_spends_log2_v_bits_a_token(tokenizer: Tokenizer, model: GPT) -> None:
    with torch.no_grad():
        model.embedding.weight.zero_()
    tokens = np.array(tokenizer.encode(" ".join(sentences(20))), dtype=np.uint16)[: 32 * 4 + 1]
    n_bytes = int(tokenizer.token_bytes[tokens[1:]].sum())
    expected = 128 * math.log2(320) / n_bytes
    assert abs(bits_per_byte(model, tokenizer, tokens, row_tokens=32) - expected) < 1e-4


def test_too_little_held_out_text_gives_nan_and_not_a_number(tokenizer: Tokenizer, model: GPT) -> None:
    assert math.isnan(bits_per_byte(model, tokenizer, np.zeros(5, np.uint16), row_tokens=32))
