"""The reinforce stage: the reader as a policy over its own answers, trained on what they are worth.

An action is a span of a passage or "not in the passages"; its probability is the softmax of the scores by which spans
compete when served, so what is trained is what is decoded. There are few enough actions to sum over all of them: the
expected reward and its gradient are exact (minimum-risk training, Shen et al. 2016) and cost no more than a sample. The
sampled estimate, for comparison and for tasks whose actions cannot be listed, is REINFORCE with a group's
leave-one-out mean as baseline (Kool et al. 2019). It is not divided by the group's deviation as in GRPO: that would no
longer be the gradient of the expected reward, but favour questions that are nearly always or nearly never answered
(Liu et al. 2025). A share of the supervised loss is the anchor (Xiong et al. 2018, mixed objective).
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from gpt.config import ReinforceConfig
from gpt.errors import ConfigError
from gpt.model import GPT
from gpt.reading import span_log_probs
from gpt.reading_task import Reading
from gpt.reward import passages_of, rewards
from gpt.span import span_scores


def span_policy(span_logits: Tensor, passages: Tensor, answer_at: Tensor) -> Tensor:
    """(B, W * T + 1) log-probabilities of every span as `span_scores` lays them out, and last of declining.

    span_logits (B, T, 2); passages (B, T) as `passages_of` makes it; answer_at (B,) position of <|answer|>.
    """
    decline = span_logits[torch.arange(len(answer_at), device=answer_at.device), answer_at].sum(dim=-1)
    scores = span_scores(span_logits, passages).flatten(1)
    return torch.cat([scores, decline[:, None]], dim=1).log_softmax(dim=1)


def expected_reward(log_p: Tensor, reward: Tensor) -> Tensor:
    """(B,) the mean reward over all actions; log_p, reward (B, n_actions)."""
    return (log_p.exp() * reward).sum(dim=1)


def sampled_surrogate(log_p: Tensor, reward: Tensor, n_samples: int, generator: torch.Generator) -> Tensor:
    """(B,) a value whose gradient is an unbiased estimate of that of `expected_reward`, from `n_samples` >= 2 actions a
    row drawn from the policy; generator is of the CPU."""
    drawn = torch.multinomial(log_p.detach().exp().cpu(), n_samples, replacement=True, generator=generator)
    drawn = drawn.to(log_p.device)  # (B, n_samples)
    earned = reward.gather(1, drawn)
    # r - mean of the others = (r - mean of all) * n / (n - 1): independent of the sample it is subtracted from
    advantage = (earned - earned.mean(dim=1, keepdim=True)) * n_samples / (n_samples - 1)
    return (advantage * log_p.gather(1, drawn)).mean(dim=1)


class Reinforce:
    """The `Task` of earning reward on the examples of a `Reading` task, whose mixture, batches and scores it takes.

    Raises ConfigError when that task drops tokens: rewards are counted on the prompt's own words.
    """

    name = "reinforce"

    def __init__(self, examples: Reading, config: ReinforceConfig):
        if examples.config.token_dropout:
            raise ConfigError(f"token_dropout={examples.config.token_dropout} must be 0 when answers earn a reward")
        self.examples, self.config = examples, config
        self.evaluate = examples.evaluate

    def loss(self, model: GPT, step: int) -> tuple[Tensor, int]:
        """`anchor` times the supervised loss in nats, minus the mean expected reward."""
        batch, target = self.examples.batch(step)
        logits = model.span_logits(model(batch.ids, batch.marks, batch.mask))
        supervised = -span_log_probs(logits, batch.allowed).gather(1, target[:, None, :]).mean()
        tokenizer = self.examples.data.tokenizer
        passages = passages_of(batch, tokenizer.special_ids["<|passage|>"])
        log_p = span_policy(logits, passages, batch.answer_at)
        reward = rewards(tokenizer, batch, passages, target, self.config).to(log_p.device)
        earned = self._earned(log_p, reward, step).mean()
        return self.config.anchor * supervised - earned, batch.ids.numel()

    def _earned(self, log_p: Tensor, reward: Tensor, step: int) -> Tensor:
        if self.config.estimator == "exact":
            return expected_reward(log_p, reward)
        seed = np.random.SeedSequence((self.config.seed, step)).generate_state(1, np.uint64)[0]
        return sampled_surrogate(log_p, reward, self.config.samples, torch.Generator().manual_seed(int(seed)))
