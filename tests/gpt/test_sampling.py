"""Writing: greedy is the argmax of a full pass, chance is seeded, and what is left out is never drawn."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from gpt.errors import ConfigError
from gpt.model import GPT
from gpt.sampling import SamplingParams, generate, next_token_probs, write
from gpt.tokenizer import SPECIALS, Tokenizer

GREEDY = SamplingParams(max_tokens=24, temperature=0)


def slow_probs(logits: list[float], params: SamplingParams) -> list[float]:
    """The obvious twin: sort by hand, cut by hand, scale by hand."""
    ranked = sorted(range(len(logits)), key=lambda i: (-logits[i], i))
    if params.temperature == 0:
        return [float(i == ranked[0]) for i in range(len(logits))]
    weights = {i: math.exp((logits[i] - max(logits)) / params.temperature) for i in ranked}
    if params.top_k:
        weights = {i: weights[i] for i in ranked[: params.top_k]}
    total = sum(weights.values())
    kept: dict[int, float] = {}
    for i in weights:
        if sum(kept.values()) / total >= params.top_p:
            break
        kept[i] = weights[i]
    return [kept.get(i, 0.0) / sum(kept.values()) for i in range(len(logits))]


@settings(deadline=None, derandomize=True)
@given(
    st.lists(st.sampled_from([-3.0, -1.0, -0.5, 0.0, 0.25, 1.0, 2.0]), min_size=1, max_size=12),
    st.sampled_from([0.0, 0.3, 1.0, 2.5]),
    st.integers(0, 6),
    st.sampled_from([0.05, 0.33, 0.62, 0.95, 1.0]),
)
def test_the_probabilities_are_those_of_the_slow_way(
    logits: list[float], temperature: float, top_k: int, top_p: float
) -> None:
    params = SamplingParams(temperature=temperature, top_k=top_k, top_p=top_p)
    probs = next_token_probs(torch.tensor(logits), params)
    assert probs.tolist() == pytest.approx(slow_probs(logits, params), abs=1e-9)


def test_the_draws_follow_the_probabilities() -> None:
    logits, params = torch.tensor([2.0, 1.0, 0.5, 0.0, -4.0]), SamplingParams(temperature=0.9, top_k=4)
    probs = next_token_probs(logits, params)
    draws = torch.multinomial(probs, 20_000, replacement=True, generator=torch.Generator().manual_seed(1))
    counts = torch.bincount(draws, minlength=5)
    assert counts[4] == 0
    assert (counts / 20_000).tolist() == pytest.approx(probs.tolist(), abs=0.015)


def test_greedy_is_the_argmax_of_a_full_pass_at_each_step(model: GPT, tokenizer: Tokenizer) -> None:
    prompt = tokenizer.encode("The attention model")
    written = list(generate(model, tokenizer, prompt, GREEDY))
    ids = list(prompt)
    others = [tokenizer.special_ids[name] for name in SPECIALS if name != "<|end|>"]
    for chosen in written:
        with torch.no_grad():
            logits = model.logits(model(torch.tensor([ids])))[0, -1]
        logits[others] = float("-inf")
        assert chosen == int(logits.argmax())
        ids.append(chosen)
    assert written


@pytest.mark.parametrize("params", [SamplingParams(24, 1.0, top_k=1), SamplingParams(24, 0.7, top_p=1e-9, seed=5)])
def test_one_choice_is_greedy(model: GPT, tokenizer: Tokenizer, params: SamplingParams) -> None:
    prompt = tokenizer.encode("The token")
    assert list(generate(model, tokenizer, prompt, params)) == list(generate(model, tokenizer, prompt, GREEDY))


def test_a_seed_decides_the_text(model: GPT, tokenizer: Tokenizer) -> None:
    texts = ["".join(write(model, tokenizer, "The", SamplingParams(24, 1.0, seed=s))) for s in (0, 0, 1)]
    assert texts[0] == texts[1] != texts[2]


def test_the_callers_random_numbers_are_left_alone(model: GPT, tokenizer: Tokenizer) -> None:
    torch.manual_seed(7)
    before = torch.get_rng_state()
    list(generate(model, tokenizer, [], SamplingParams(4, 1.0)))
    assert torch.equal(torch.get_rng_state(), before)


class Scripted(GPT):
    """A model that wants one id after the other, whatever it reads, and remembers how much it was shown."""

    def play(self, ids: list[int]) -> Scripted:
        self.script, self.shown = iter(ids), []
        return self

    def forward(self, ids: torch.Tensor, *_: object) -> torch.Tensor:
        self.shown.append(ids[0].tolist())
        return torch.zeros(1, ids.size(1), self.config.n_embd)

    def logits(self, hidden: torch.Tensor) -> torch.Tensor:
        wanted = torch.zeros(self.config.vocab_size)
        wanted[next(self.script)] = 9.0
        return wanted


@pytest.fixture
def scripted(model: GPT) -> Scripted:
    return Scripted(model.config, torch.float32)


def test_the_end_of_a_document_ends_the_text_and_is_not_part_of_it(scripted: Scripted, tokenizer: Tokenizer) -> None:
    end = tokenizer.special_ids["<|end|>"]
    assert list(generate(scripted.play([5, 6, end, 7]), tokenizer, [1], GREEDY)) == [5, 6]


def test_a_special_token_that_is_not_the_end_never_comes(scripted: Scripted, tokenizer: Tokenizer) -> None:
    wanted = [tokenizer.special_ids[name] for name in SPECIALS if name != "<|end|>"]
    params = SamplingParams(len(wanted), 0)
    assert not {*wanted} & {*generate(scripted.play(wanted), tokenizer, [1], params)}


def test_the_model_sees_the_end_of_what_is_longer_than_its_window(scripted: Scripted, tokenizer: Tokenizer) -> None:
    size = scripted.config.context_len
    before = [i % 250 for i in range(size + 3)]
    list(generate(scripted.play([1, 2]), tokenizer, before, SamplingParams(2, 0)))
    assert scripted.shown == [before[-size:], [*before[-size + 1 :], 1]]


def test_a_text_begins_as_documents_do_in_training(scripted: Scripted, tokenizer: Tokenizer) -> None:
    end = tokenizer.special_ids["<|end|>"]
    list(generate(scripted.play([1]), tokenizer, [], SamplingParams(1, 0)))
    assert scripted.shown == [[end]]
    list(write(scripted.play([1]), tokenizer, "The", SamplingParams(1, 0)))
    assert scripted.shown == [[end, *tokenizer.encode("The")]]


def test_a_character_of_several_tokens_comes_out_whole(scripted: Scripted, tokenizer: Tokenizer) -> None:
    text = "naïve — 学习"
    ids = [*text.encode(), tokenizer.special_ids["<|end|>"]]  # the first 256 ids are the bytes
    pieces = list(write(scripted.play(ids), tokenizer, "", SamplingParams(50, 0)))
    assert "".join(pieces) == text
    assert "学" in pieces


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"temperature": -1}, "temperature=-1 must be 0"),
        ({"temperature": float("nan")}, "temperature=nan must be 0"),
        ({"top_k": -2}, "top_k=-2 must be 0"),
        ({"top_p": 0}, r"top_p=0 must lie in \(0, 1\]"),
        ({"max_tokens": 0}, "max_tokens=0 must be at least 1"),
    ],
)
def test_what_cannot_be_sampled_is_named(wrong: dict[str, float], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        SamplingParams(**wrong)  # type: ignore[arg-type]
