"""The policy is over what is decoded, its gradient is exact, and a stage of it is resumable like any other."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest
import torch

from gpt.checkpoint import load_latest
from gpt.config import GPTConfig, ReinforceConfig
from gpt.errors import ConfigError
from gpt.model import GPT
from gpt.reading_data import ReadingData
from gpt.reading_task import Reading
from gpt.reinforce import Reinforce, expected_reward, sampled_surrogate, span_policy
from gpt.reward import passages_of
from gpt.span import best_spans
from gpt.squad import Article
from gpt.tokenizer import Tokenizer
from gpt.train import Progress, train

CONFIG = ReinforceConfig(
    steps=6, batch_tokens=600, checkpoint_every=2, warmup_steps=1, unanswerable=0.3, distractors=0.3, samples=4
)


class Killed(Exception):
    """Stands in for a process that dies after a step."""


def task(tokenizer: Tokenizer, articles: list[Article], config: ReinforceConfig = CONFIG) -> Reinforce:
    return Reinforce(Reading(ReadingData.build(tokenizer, articles), config, context_len=128), config)


def logits_and_passages() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(3)
    logits = torch.randn(2, 12, 2, generator=generator) * 2
    passages = torch.tensor([[0, 0, 1, 1, 1, 0, 2, 2, 2, 2, 0, 0], [0, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0]])
    return logits, passages, torch.tensor([11, 8])


def test_the_policy_is_the_softmax_over_every_span_and_declining() -> None:
    logits, passages, answer_at = logits_and_passages()
    log_p = span_policy(logits, passages, answer_at).view(2, -1)
    for row in range(2):
        scores = {(-1, -1): logits[row, answer_at[row]].sum().item()}
        for i in range(12):
            for j in range(i, 12):
                if passages[row, i] and passages[row, i] == passages[row, j]:
                    scores[i, j] = (logits[row, i, 0] + logits[row, j, 1]).item()
        total = torch.tensor(list(scores.values())).logsumexp(0).item()
        for (i, j), score in scores.items():
            found = log_p[row, -1] if i < 0 else log_p[row, (j - i) * 12 + i]
            assert found.item() == pytest.approx(score - total, abs=1e-5)
        assert (log_p[row].exp() > 0).sum() == len(scores)


def test_the_likeliest_span_is_the_one_that_is_served() -> None:
    logits, passages, answer_at = logits_and_passages()
    log_p = span_policy(logits, passages, answer_at)[:, :-1]
    for row, spans in enumerate(best_spans(logits.log_softmax(1), passages, n=1)):
        width, start = divmod(int(log_p[row].argmax()), 12)
        assert (spans[0].start, spans[0].end) == (start, start + width)


def test_the_gradient_of_the_expected_reward_is_that_of_the_sum_over_actions() -> None:
    logits, passages, answer_at = logits_and_passages()
    logits.requires_grad_(True)
    log_p = span_policy(logits, passages, answer_at)
    reward = torch.rand(log_p.shape, generator=torch.Generator().manual_seed(1))
    value = expected_reward(log_p, reward)
    assert value.tolist() == pytest.approx((log_p.exp() * reward).sum(1).tolist())
    (exact,) = torch.autograd.grad(value.sum(), logits)
    p = log_p.detach().exp()  # d E / d score(a) = p(a) (r(a) - E): every action pulls by how much it beats the mean
    pull = p * (reward - value.detach()[:, None])
    by_start = pull[:, :-1].view(2, 12, 12).sum(1)
    by_start[torch.arange(2), answer_at] += pull[:, -1]
    assert torch.allclose(exact[..., 0], by_start, atol=1e-6)


def sampled_gradients(n_draws: int, n_samples: int) -> tuple[torch.Tensor, torch.Tensor]:
    """(n_draws, ...) sampled gradients of the logits, and the exact one."""
    logits, passages, answer_at = logits_and_passages()
    logits.requires_grad_(True)
    reward = torch.rand(2, 12 * 12 + 1, generator=torch.Generator().manual_seed(1))
    log_p = span_policy(logits, passages, answer_at)
    (exact,) = torch.autograd.grad(expected_reward(log_p, reward).sum(), logits, retain_graph=True)
    generator = torch.Generator().manual_seed(7)
    sampled = []
    for _ in range(n_draws):
        value = sampled_surrogate(log_p, reward, n_samples, generator).sum()
        sampled += torch.autograd.grad(value, logits, retain_graph=True)
    return torch.stack(sampled), exact


@pytest.mark.parametrize("n_samples", [2, 8])
def test_sampled_gradients_are_the_exact_one_on_average(n_samples: int) -> None:
    sampled, exact = sampled_gradients(2000, n_samples)
    noise = (sampled.var(0).sum() / len(sampled)).sqrt()  # how far the mean of unbiased ones lies off, typically
    off = (sampled.mean(0) - exact).norm()
    assert off < 1.7 * noise
    assert off + 1.7 * noise < exact.norm() / n_samples  # what a mean that holds the sample itself would take away


@pytest.mark.slow
def test_the_mean_of_many_sampled_gradients_approaches_the_exact_one() -> None:
    sampled, exact = sampled_gradients(40_000, 4)
    distances = [(sampled[:n].mean(0) - exact).norm() / exact.norm() for n in (100, 2_000, 40_000)]
    assert distances[0] > distances[1] > distances[2]
    assert distances[2] < 0.02


@pytest.mark.parametrize("estimator", ["exact", "sampled"])
def test_a_step_is_a_pure_function_of_its_number(
    tokenizer: Tokenizer, articles: list[Article], model: GPT, estimator: str
) -> None:
    config = dataclasses.replace(CONFIG, estimator=estimator)  # type: ignore[arg-type]
    one, other = task(tokenizer, articles, config), task(tokenizer, articles, config)
    torch.manual_seed(1)
    first = [one.loss(model, step)[0].item() for step in (4, 0, 2)]
    torch.manual_seed(2)
    assert [other.loss(model, step)[0].item() for step in (4, 0, 2)] == first


def run(folder: Path, reinforce: Reinforce, die_after: int = -1) -> None:
    torch.manual_seed(1)
    model = GPT(GPTConfig(depth=2, aspect=16, head_dim=16, vocab_size=320, context_len=128))

    def on_step(progress: Progress) -> None:
        if progress.step == die_after:
            raise Killed

    train(model, reinforce, reinforce.config, folder, on_step)


@pytest.mark.parametrize("estimator", ["exact", "sampled"])
def test_a_killed_stage_resumes_to_the_same_losses_and_weights(
    tokenizer: Tokenizer, articles: list[Article], tmp_path: Path, estimator: str
) -> None:
    reinforce = task(tokenizer, articles, dataclasses.replace(CONFIG, estimator=estimator))  # type: ignore[arg-type]
    run(tmp_path / "whole", reinforce)
    with pytest.raises(Killed):
        run(tmp_path / "broken", reinforce, die_after=3)
    run(tmp_path / "broken", reinforce)
    curves = [
        [json.loads(line)["loss"] for line in (tmp_path / name / "loss.jsonl").read_text().splitlines()]
        for name in ("whole", "broken")
    ]
    assert curves[0] == curves[1]
    whole, broken = load_latest(tmp_path / "whole"), load_latest(tmp_path / "broken")
    assert whole is not None
    assert broken is not None
    assert all(torch.equal(t, broken[0]["weights"][name]) for name, t in whole[0]["weights"].items())


@pytest.mark.parametrize("estimator", ["exact", "sampled"])
def test_the_expected_reward_rises(
    tokenizer: Tokenizer, articles: list[Article], model: GPT, tmp_path: Path, estimator: str
) -> None:
    config = dataclasses.replace(
        CONFIG, steps=40, batch_tokens=2000, anchor=0.0, muon_lr=0.02, adam_lr=0.003, estimator=estimator
    )  # type: ignore[arg-type]
    measured = task(tokenizer, articles, dataclasses.replace(config, estimator="exact"))
    before = -measured.loss(model, 0)[0].item()
    train(model, task(tokenizer, articles, config), config, tmp_path)
    assert -measured.loss(model, 0)[0].item() > before + 0.2


def test_without_reward_it_is_the_supervised_loss(tokenizer: Tokenizer, articles: list[Article], model: GPT) -> None:
    config = dataclasses.replace(CONFIG, anchor=1.0)
    reinforce = task(tokenizer, articles, config)
    batch, target = reinforce.examples.batch(0)
    supervised = reinforce.examples.loss(model, 0)[0]
    gain = supervised - reinforce.loss(model, 0)[0]
    assert -config.wrong_answer <= gain.item() <= 1 + config.citation
    passages = passages_of(batch, tokenizer.special_ids["<|passage|>"])
    answered = passages.gather(1, target) > 0
    assert (answered.any(1) == (target[:, 0] != batch.answer_at)).all()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"estimator": "guess"}, "estimator='guess' must be exact or sampled"),
        ({"samples": 1}, "samples=1 must be at least 2"),
        ({"anchor": -1.0}, "anchor=-1.0 must be at least 0"),
        ({"steps": 0}, "steps=0 must be at least 1"),
    ],
)
def test_a_config_out_of_range_is_named(change: dict, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        dataclasses.replace(CONFIG, **change)


def test_dropped_tokens_are_refused(tokenizer: Tokenizer, articles: list[Article]) -> None:
    with pytest.raises(ConfigError, match=r"token_dropout=0\.1 must be 0"):
        task(tokenizer, articles, dataclasses.replace(CONFIG, token_dropout=0.1))
