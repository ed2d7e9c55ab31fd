"""Learning from corrupted text: which tokens of a row were replaced, and what stood there.

A reader looks in both directions, which next-token prediction hardly teaches. Here the model sees whole rows, as it will
see prompts, in which some tokens gave way to others that fit their neighbours (gpt/replacements.py) or to <|mask|>. Of
every token it says whether it is a replacement (ELECTRA, Clark et al. 2020: each position teaches), and of those that
are, what stood there (COCO-LM, Meng et al. 2021). The vocabulary's products are made for the replaced
tokens alone.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from gpt.confidence import auroc
from gpt.config import TrainConfig
from gpt.cross_entropy import chunk_loss, linear_cross_entropy
from gpt.data import Rows, TokenStream
from gpt.model import GPT, attention_mask
from gpt.pretrain import CHUNK_TOKENS, filled
from gpt.reading import PASSAGE_ROLE
from gpt.replacements import Replacements
from gpt.tokenizer import Tokenizer

if TYPE_CHECKING:
    from torch.nn.attention.flex_attention import BlockMask

MASKED = 0.2  # of the tokens that are taken away, those that <|mask|> stands for
DETECTION_WEIGHT = 20.0  # of a token's -log P(replaced or not), beside -log P(what stood there)
STATISTICS_TOKENS = 40_000_000
EVALUATION_ROWS = 64


@dataclass
class Detection:
    """The `Task` of finding and correcting replaced tokens. `replaced` is scored by the span head's first output, which the
    reading stage then begins anew."""

    stream: TokenStream
    replacements: Replacements
    tokenizer: Tokenizer
    config: TrainConfig
    device: str = "cpu"
    of_chunk: Callable[[Tensor, Tensor, Tensor], tuple[Tensor, Tensor]] = chunk_loss  # or a compiled form of it
    chunk_tokens: int = CHUNK_TOKENS

    @property
    def name(self) -> str:
        return "detect"

    @property
    def rows(self) -> Rows:
        c = self.config
        return Rows(self.stream.train, c.row_tokens, max(1, c.batch_tokens // c.row_tokens), 0.0, c.seed)

    def loss(self, model: GPT, step: int) -> tuple[Tensor, int]:
        """Nats: the mean of -log P(what stood there) over replaced tokens, and DETECTION_WEIGHT times that of
        -log P(replaced or not) over all but masks."""
        ids, was = self.batch(step)
        hidden, replaced, shown = self._read(model, ids, was)
        found = F.binary_cross_entropy_with_logits(model.span_logits(hidden)[..., 0][shown], replaced[shown].float())
        wanted, targets = filled(hidden[replaced] * model.config.n_embd**-0.5, was[replaced], self.chunk_tokens)
        corrected = linear_cross_entropy(wanted, model.embedding.weight, targets, self.of_chunk, self.chunk_tokens)
        return corrected + DETECTION_WEIGHT * found, ids.numel()

    def batch(self, step: int) -> tuple[Tensor, ...]:
        """The rows of that step as they are shown, and as they were, (B, T) each; the same at every call."""
        original = self.rows.batch(step).inputs
        corrupted = self.corrupt(original, np.random.default_rng((self.config.seed, step, 2)))
        return torch.from_numpy(corrupted).to(self.device), torch.from_numpy(original).to(self.device)

    def mask(self, ids: Tensor) -> Tensor | BlockMask:
        """Every token of a row sees every other."""
        n = torch.full((len(ids),), ids.size(1), device=ids.device)
        return attention_mask(n, n, ids.size(1))

    def corrupt(self, rows: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """The rows (B, T) with `config.replaced` of their tokens taken away, first, last and special ones apart; what is
        drawn for a place may be what stood there."""
        special = self.tokenizer.special_ids
        taken = (rng.random(rows.shape) < self.config.replaced) & (rows < min(special.values()))
        taken[:, [0, -1]] = False
        row, at = np.nonzero(taken)
        drawn = self.replacements.draw(rows[row, at - 1], rows[row, at + 1], rng)
        corrupted = rows.copy()
        corrupted[row, at] = np.where(rng.random(len(row)) < MASKED, special["<|mask|>"], drawn)
        return corrupted

    def _read(self, model: GPT, ids: Tensor, was: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Hidden states (B, T, C), and (B, T): which tokens are replaced, which are no masks."""
        hidden = model(ids, torch.full_like(ids, PASSAGE_ROLE), self.mask(ids))
        return hidden, ids != was, ids != self.tokenizer.special_ids["<|mask|>"]

    @torch.no_grad()
    def evaluate(self, model: GPT) -> dict[str, float]:
        """Held-out rows: AUROC of telling replaced tokens, nats of what stood there. {} when there is not a row."""
        T = self.config.row_tokens
        n = min(EVALUATION_ROWS, len(self.stream.validation) // T)
        if n == 0:
            return {}
        original = self.stream.validation[: n * T].reshape(n, T).astype(np.int64)
        corrupted = self.corrupt(original, np.random.default_rng(0))
        scores, truth, nats = [], [], []
        for first in range(0, n, 16):
            part = slice(first, first + 16)
            ids, was = (torch.from_numpy(a[part]).to(self.device) for a in (corrupted, original))
            hidden, replaced, shown = self._read(model, ids, was)
            scores.append(model.span_logits(hidden)[..., 0][shown].cpu())
            truth.append(replaced[shown].cpu())
            nats.append(F.cross_entropy(model.logits(hidden[replaced]), was[replaced], reduction="none").cpu())
        told = auroc(torch.cat(scores).numpy(), torch.cat(truth).numpy())
        return {"replaced_auroc": told, "corrected_nats": float(torch.cat(nats).mean())}
