"""Writing: token after token from the causal trunk, greedily or at random.

Each token costs a full forward pass over the window. That is slow and plain on purpose: it is what a faster way of
writing is compared with, and enough to show what a model has learnt.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from gpt.errors import ConfigError
from gpt.model import GPT
from gpt.tokenizer import SPECIALS, Tokenizer

END = "<|end|>"


@dataclass(frozen=True, slots=True)
class SamplingParams:
    """How the next token is chosen. Temperature 0 takes the likeliest; top_k 0 and top_p 1 leave nothing out."""

    max_tokens: int = 128
    temperature: float = 0.8
    top_k: int = 0  # choose among the k likeliest only
    top_p: float = 1.0  # and among the fewest whose probabilities reach p together (Holtzman et al. 2020)
    seed: int = 0

    def __post_init__(self) -> None:
        if self.max_tokens < 1:
            raise ConfigError(f"max_tokens={self.max_tokens} must be at least 1")
        if not 0 <= self.temperature < float("inf"):
            raise ConfigError(f"temperature={self.temperature} must be 0 (the likeliest token) or a positive number")
        if self.top_k < 0:
            raise ConfigError(f"top_k={self.top_k} must be 0 (all tokens) or the number of tokens to choose among")
        if not 0 < self.top_p <= 1:
            raise ConfigError(f"top_p={self.top_p} must lie in (0, 1]")


def next_token_probs(logits: Tensor, params: SamplingParams) -> Tensor:
    """The probabilities (V,), float64, that the next token is drawn with; logits (V,), -inf for what may not come.

    Temperature comes first, then top_k, then top_p, and what stays is scaled to one. Among equal logits the lower id
    goes first, so that top_k keeps exactly k and temperature 0 has one choice.
    """
    values, order = logits.double().sort(descending=True, stable=True)
    if params.temperature == 0:
        kept = torch.zeros_like(values)
        kept[0] = 1.0
    else:
        kept = torch.softmax((values - values[0]) / params.temperature, dim=0)
        if params.top_k:
            kept[params.top_k :] = 0.0
            kept /= kept.sum()
        kept[kept.cumsum(0) - kept >= params.top_p] = 0.0  # those that p was reached before
    return torch.zeros_like(kept).scatter(0, order, kept / kept.sum())


def generate(model: GPT, tokenizer: Tokenizer, ids: Sequence[int], params: SamplingParams) -> Iterator[int]:
    """Ids that follow `ids`, up to <|end|>, which is not given out, or `params.max_tokens`. No other special token comes.

    The model sees the last `context_len` ids. With no ids it begins a document. The same seed gives the same ids.
    """
    end = tokenizer.special_ids[END]
    forbidden = torch.tensor([tokenizer.special_ids[name] for name in SPECIALS if name != END])
    generator = torch.Generator().manual_seed(params.seed)
    seen = list(ids) or [end]
    for _ in range(params.max_tokens):
        logits = _next_logits(model, seen[-model.config.context_len :])
        logits[forbidden] = float("-inf")
        chosen = int(torch.multinomial(next_token_probs(logits, params), 1, generator=generator))
        if chosen == end:
            return
        yield chosen
        seen.append(chosen)


@torch.no_grad()
def _next_logits(model: GPT, ids: Sequence[int]) -> Tensor:
    """(V,) float32 on the CPU, by one causal forward pass over `ids`."""
    device = next(model.parameters()).device
    hidden = model(torch.tensor([list(ids)], device=device))
    return model.logits(hidden[0, -1]).cpu()


def write(model: GPT, tokenizer: Tokenizer, beginning: str, params: SamplingParams) -> Iterator[str]:
    """Pieces of text that go on from `beginning`, which is taken for the beginning of a document.

    In training a document follows the <|end|> of another, so that is what the model is shown first.
    """
    ids = [tokenizer.special_ids[END], *tokenizer.encode(beginning)]
    return tokenizer.stream(generate(model, tokenizer, ids, params))
