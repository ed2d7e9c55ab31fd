"""Pretraining: the next token, with causal rows and prefix-LM rows mixed, and bits per byte."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from gpt.config import TrainConfig
from gpt.data import Rows, TokenStream
from gpt.model import GPT, attention_mask
from gpt.tokenizer import Tokenizer


@dataclass(frozen=True)
class Pretraining:
    """The `Task` of predicting text; half the rows attend in both directions over their first part."""

    stream: TokenStream
    tokenizer: Tokenizer
    config: TrainConfig
    device: str = "cpu"

    @property
    def name(self) -> str:
        return "pretrain"

    @property
    def rows(self) -> Rows:
        c = self.config
        n = max(1, c.batch_tokens // c.row_tokens)
        return Rows(self.stream.train, c.row_tokens, n, c.prefix_fraction, c.seed)

    def loss(self, model: GPT, step: int) -> tuple[Tensor, int]:
        """Mean cross-entropy in nats a predicted token."""
        batch = self.rows.batch(step)
        ids, targets = (torch.from_numpy(a).to(self.device) for a in (batch.inputs, batch.targets))
        prefix = torch.from_numpy(batch.prefix).to(self.device)
        mask = attention_mask(torch.full_like(prefix, ids.size(1)), prefix, ids.size(1))
        hidden = model(ids, mask=mask)
        wanted = targets >= 0  # logits only where a loss is taken
        return F.cross_entropy(model.logits(hidden[wanted]), targets[wanted]), ids.numel()

    def evaluate(self, model: GPT) -> dict[str, float]:
        """Bits per byte of the held-out documents."""
        return {"bits_per_byte": bits_per_byte(model, self.tokenizer, self.stream.validation, self.config.row_tokens)}


@torch.no_grad()
def bits_per_byte(model: GPT, tokenizer: Tokenizer, tokens: np.ndarray, row_tokens: int, max_rows: int = 256) -> float:
    """Causal cross-entropy in bits over the UTF-8 bytes predicted: comparable between tokenizers.

    Rows do not overlap and each starts without context; special tokens count neither in bits nor in bytes.
    nan when `tokens` is shorter than one row.
    """
    n_rows = min(max_rows, (len(tokens) - 1) // row_tokens)
    nats, n_bytes = 0.0, 0
    sizes = tokenizer.token_bytes
    device = next(model.parameters()).device
    for i in range(0, n_rows, 16):
        at = (np.arange(i, min(i + 16, n_rows)) * row_tokens)[:, None] + np.arange(row_tokens + 1)
        ids = torch.from_numpy(tokens[at].astype(np.int64)).to(device)
        losses = F.cross_entropy(model.logits(model(ids[:, :-1])).flatten(0, 1), ids[:, 1:].flatten(), reduction="none")
        size = torch.from_numpy(sizes).to(device)[ids[:, 1:].flatten()]
        nats += float(losses[size > 0].double().sum())
        n_bytes += int(size.sum())
    return nats / math.log(2) / n_bytes if n_bytes else float("nan")
