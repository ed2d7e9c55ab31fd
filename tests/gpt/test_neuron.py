"""One neuron explained: its numbers are the model's, and its slopes are the same by the scalar engine, by torch and by
trying it out."""

from __future__ import annotations

import math
from typing import cast

import pytest
import torch
from torch import Tensor, nn

from gpt.checkpoint import Released
from gpt.errors import ConfigError, ContextTooLong
from gpt.model import Block
from gpt.neuron import Explanation, explain_neuron
from gpt.reader import Reader
from gpt.reading import PromptBatch, build_prompt, encode_piece, span_log_probs, whole_words
from tests.gpt.conftest import PASSAGE, QUESTION


@pytest.mark.parametrize("layer", [1, 2])
@pytest.mark.parametrize("neuron", [1, 40, 96, None])
def test_the_scalar_engine_and_torch_find_the_same_slopes(released: Released, layer: int, neuron: int | None) -> None:
    found = explain_neuron(released, QUESTION, PASSAGE, layer, neuron)
    assert found.engine.gap(found.torch) < 1e-4
    assert abs(found.torch.output) > 0
    assert found.torch.gap(found.engine) == found.engine.gap(found.torch)


def test_behind_the_last_layer_the_engine_computes_the_probability_itself(released: Released) -> None:
    last, first = explain_neuron(released, QUESTION, PASSAGE), explain_neuron(released, QUESTION, PASSAGE, layer=1)
    assert last.layer == 2
    assert last.engine_log_p == pytest.approx(last.log_p, abs=1e-5)
    assert first.engine_log_p is None
    assert first.log_p == pytest.approx(last.log_p, abs=1e-5)


def test_the_forward_numbers_are_the_models(released: Released) -> None:
    found = explain_neuron(released, QUESTION, PASSAGE, layer=1, neuron=7)
    neuron, mlp = found.forward, cast(Block, released.model.blocks[0]).mlp
    n_hidden = released.model.config.n_hidden
    assert neuron.gate_weights == pytest.approx(mlp.gate_up.weight[6].tolist())
    assert neuron.up_weights == pytest.approx(mlp.gate_up.weight[n_hidden + 6].tolist())
    assert neuron.out_weights == pytest.approx(mlp.out.weight[:, 6].tolist())
    assert neuron.gate == pytest.approx(
        sum(a * b for a, b in zip(neuron.x, neuron.gate_weights, strict=True)), abs=1e-5
    )
    assert neuron.up == pytest.approx(sum(a * b for a, b in zip(neuron.x, neuron.up_weights, strict=True)), abs=1e-5)
    assert neuron.output == pytest.approx(neuron.gate / (1 + math.exp(-neuron.gate)) * neuron.up, abs=1e-5)


def test_it_explains_the_answer_that_the_reader_gives(released: Released) -> None:
    found, best = explain_neuron(released, QUESTION, PASSAGE), Reader(released).read(QUESTION, [PASSAGE]).spans[0]
    piece = encode_piece(released.tokenizer, PASSAGE)
    first, last = piece.offsets.tolist().index(found.start), piece.offsets.tolist().index(found.end) - 1
    whole = whole_words(PASSAGE, piece, first, last)
    assert (piece.offsets[whole[0]], piece.offsets[whole[1] + 1]) == (best.start, best.end)
    assert found.token == best.pieces[first - whole[0]]
    assert 1 <= found.position <= found.prompt_tokens


def test_a_passage_that_only_asks_has_no_answer_to_explain(released: Released) -> None:
    with pytest.raises(ConfigError, match="the passage only asks"):
        explain_neuron(released, QUESTION, "Why does it matter?")


@torch.no_grad()
def log_p_with(released: Released, found: Explanation, change: float) -> float:
    """log P of the same answer by running the model with the neuron's output moved: the slow, obvious way."""
    tokenizer, model = released.tokenizer, released.model
    piece = encode_piece(tokenizer, PASSAGE)
    prompt = build_prompt(tokenizer, encode_piece(tokenizer, QUESTION), [piece])
    batch = PromptBatch.pad([prompt], tokenizer.special_ids["<|pad|>"], length=len(prompt))
    first, last = found.position - 1, prompt.starts[0] + piece.offsets.tolist().index(found.end) - 1

    def move(module: nn.Module, args: tuple[Tensor]) -> tuple[Tensor]:
        hidden = args[0].clone()
        hidden[0, first, found.neuron - 1] += change
        return (hidden,)

    handle = cast(Block, model.blocks[found.layer - 1]).mlp.out.register_forward_pre_hook(move)
    try:
        log_p = span_log_probs(model.span_logits(model(batch.ids, batch.marks, batch.mask)), batch.allowed)[0]
    finally:
        handle.remove()
    return float(log_p[first, 0] + log_p[last, 1])


@pytest.mark.parametrize("layer", [1, 2])
def test_the_slope_is_what_trying_it_out_gives(released: Released, layer: int) -> None:
    found, step = explain_neuron(released, QUESTION, PASSAGE, layer), 0.02
    assert log_p_with(released, found, 0.0) == pytest.approx(found.log_p, abs=1e-5)
    slope = (log_p_with(released, found, step) - log_p_with(released, found, -step)) / (2 * step)
    assert slope == pytest.approx(found.engine.output, rel=0.02)
    assert log_p_with(released, found, -found.forward.output) == pytest.approx(found.log_p_off, abs=1e-5)


def test_the_neuron_chosen_is_the_one_that_matters_most(released: Released) -> None:
    chosen = explain_neuron(released, QUESTION, PASSAGE, layer=1)

    def weight(neuron: int) -> float:
        found = explain_neuron(released, QUESTION, PASSAGE, 1, neuron)
        return abs(found.forward.output * found.torch.output)

    every = {n: weight(n) for n in range(1, chosen.layer_neurons + 1)}
    assert chosen.neuron == max(every, key=lambda n: every[n])


def test_the_model_is_left_as_it_was(released: Released) -> None:
    model, ids = released.model, torch.arange(20)[None]
    model.fixed_dtype = torch.bfloat16
    with torch.no_grad():
        before = model(ids)
        explain_neuron(released, QUESTION, PASSAGE)
        assert torch.equal(model(ids), before)
    assert model.compute_dtype == torch.bfloat16
    assert all(p.grad is None for p in model.parameters())


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"layer": 3}, "layer 3 does not exist; this model counts them from 1 to 2"),
        ({"neuron": 0}, "neuron 0 does not exist; this model counts them from 1 to 96"),
        ({"neuron": 97}, "neuron 97 does not exist"),
        ({"passage": ""}, "the passage is empty"),
    ],
)
def test_what_does_not_exist_is_named(released: Released, wrong: dict[str, int | str], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        explain_neuron(released, **{"question": QUESTION, "passage": PASSAGE, **wrong})  # type: ignore[arg-type]


def test_a_prompt_that_exceeds_the_window_is_refused(released: Released) -> None:
    with pytest.raises(ContextTooLong, match=r"the model reads \d+; shorten them"):
        explain_neuron(released, QUESTION, PASSAGE * 20)
