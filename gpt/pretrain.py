"""Pretraining: the next token, with causal rows and prefix-LM rows mixed, and bits per byte."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from gpt.config import TrainConfig
from gpt.cross_entropy import chunk_loss, linear_cross_entropy
from gpt.data import Rows, TokenStream
from gpt.model import GPT, attention_mask
from gpt.tokenizer import Tokenizer

MAX_ROWS = 256  # that bits per byte are measured on
CHUNK_TOKENS = 512  # 32 MiB of logits at a vocabulary of 16,384: they stay near the core


@dataclass(frozen=True)
class Pretraining:
    """The `Task` of predicting text; half the rows attend in both directions over their first part."""

    stream: TokenStream
    tokenizer: Tokenizer
    config: TrainConfig
    device: str = "cpu"
    of_chunk: Callable[[Tensor, Tensor, Tensor], tuple[Tensor, Tensor]] = chunk_loss  # or a compiled form of it

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
        hidden, targets = filled(hidden[wanted] * model.config.n_embd**-0.5, targets[wanted])
        loss = linear_cross_entropy(hidden, model.embedding.weight, targets, self.of_chunk, CHUNK_TOKENS)
        return loss, ids.numel()

    def evaluate(self, model: GPT) -> dict[str, float]:
        """Bits per byte of the held-out documents."""
        return {"bits_per_byte": bits_per_byte(model, self.tokenizer, self.stream.validation, self.config.row_tokens)}


def filled(hidden: Tensor, targets: Tensor, chunk_tokens: int = CHUNK_TOKENS) -> tuple[Tensor, Tensor]:
    """Hidden states and targets with rows that take no loss at the end, up to whole chunks: those are compiled once."""
    missing = -len(targets) % chunk_tokens
    return F.pad(hidden, (0, 0, 0, missing)), F.pad(targets, (0, missing), value=-1)


@torch.no_grad()
def bits_per_byte(model: GPT, tokenizer: Tokenizer, tokens: np.ndarray, row_tokens: int) -> float:
    """Causal cross-entropy in bits over the UTF-8 bytes predicted: comparable between tokenizers.

    Rows do not overlap and each starts without context; special tokens count neither in bits nor in bytes.
    nan when `tokens` is shorter than one row.
    """
    n_rows = min(MAX_ROWS, (len(tokens) - 1) // row_tokens)
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
