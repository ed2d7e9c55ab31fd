"""Whether a passage is the one that was asked about: a number beside the margin, read off the reader's own state.

Many passages that the reader learns from speak of just what is asked and still do not answer. So its margin over "not in
the passage" says little of how these differ from those that merely speak of something near, which a search brings; the state
at that position still tells it. A linear head on this state, fitted when the weights are finished, brings it out. The reader
of DPR has such a head for the choice among passages (Karpukhin et al. 2020, section 6.1), trained with the rest.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from gpt.confidence import logistic_fit
from gpt.errors import CheckpointError

RIDGE = 0.02  # an example's share of the penalty on squared weights, of states scaled to unit variance
MIN_SLOPE = 0.1  # log-odds a nat of margin; a model whose margin tells less has nothing to be measured in


@dataclass(frozen=True)
class Relevance:
    """weight (C,), float32, and bias: what to add to the margins of a passage's spans, in their nats, so that spans of different
    passages can be compared."""

    weight: Tensor
    bias: float

    def __call__(self, states: Tensor) -> Tensor:
        """(B,) float32 for the states (B, C) at "not in the passage"."""
        return states.float() @ self.weight.to(states.device) + self.bias

    @classmethod
    def fit(cls, states: np.ndarray, margins: np.ndarray, answers: np.ndarray) -> Relevance | None:
        """From states (n, C) and best margins (n,) over passages of which `answers` (n,) tells whether they answer:
        log-odds = slope * (margin + relevance), by logistic regression with a ridge. None where the margin tells nothing."""
        mean, deviation = states.mean(axis=0), states.std(axis=0) + 1e-6
        features = np.column_stack([(states - mean) / deviation, margins])
        ridge = np.append(np.full(states.shape[1], RIDGE * len(states)), 0.0)
        *of_states, slope, intercept = logistic_fit(features, answers, ridge=ridge).tolist()
        if slope < MIN_SLOPE:
            return None
        weight = np.array(of_states) / deviation / slope
        return cls(torch.tensor(weight, dtype=torch.float32), float(intercept / slope - mean @ weight))

    def stored(self) -> Tensor:
        """(C + 1,) float32: the weights and the bias."""
        return torch.cat([self.weight, torch.tensor([self.bias])]).float()

    @classmethod
    def restored(cls, stored: Tensor, n_embd: int) -> Relevance:
        """The inverse of `stored`. Raises CheckpointError for another width."""
        if stored.shape != (n_embd + 1,):
            raise CheckpointError(
                f"relevance has shape {tuple(stored.shape)}, expected {(n_embd + 1,)}; fetch or train the model again"
            )
        return cls(stored[:-1].float().clone(), float(stored[-1]))
