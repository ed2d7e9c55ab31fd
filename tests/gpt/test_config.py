"""Configs derive what they should, refuse what cannot work, and recipes are found by name."""

from __future__ import annotations

import dataclasses

import pytest

from gpt.config import RECIPES, GPTConfig, Recipe, TrainConfig, config_from_dict, recipe
from gpt.errors import ConfigError


def test_the_dial_derives_the_shape() -> None:
    base = GPTConfig(depth=8)
    assert (base.n_layer, base.n_embd, base.n_head, base.n_hidden) == (8, 512, 8, 1376)
    assert GPTConfig(depth=6, aspect=42).n_embd == 256


def test_released_sizes_fit_their_files() -> None:
    assert RECIPES["base"].model.n_params < 32e6
    assert RECIPES["mini"].model.n_params * 2 < 32 * 2**20


@pytest.mark.parametrize(("field", "value"), [("depth", 0), ("vocab_size", 0), ("head_dim", 33)])
def test_an_impossible_shape_is_named(field: str, value: int) -> None:
    with pytest.raises(ConfigError, match=f"{field}={value}"):
        dataclasses.replace(GPTConfig(), **{field: value})


def test_a_shape_gets_other_layers_and_keeps_its_width() -> None:
    mini = RECIPES["mini"].model
    for n_layer in (1, 6, 7, 12):
        shape = mini.with_layers(n_layer)
        assert (shape.n_layer, shape.n_embd, shape.n_head) == (n_layer, 256, 4)
    with pytest.raises(ConfigError, match="n_layer=200 has no aspect that gives 256 channels"):
        mini.with_layers(200)


@pytest.mark.parametrize("grown_layers", [0, 6, 13])
def test_a_stage_that_grows_the_model_says_to_how_many_layers(grown_layers: int) -> None:
    with pytest.raises(ConfigError, match=f"grown_layers={grown_layers} must lie in 7 to 12"):
        dataclasses.replace(RECIPES["mini"], grow=TrainConfig(steps=1), grown_layers=grown_layers)


@pytest.mark.parametrize(("field", "value"), [("steps", 0), ("repeats_written", 0), ("cooldown", 1.5), ("unanswerable", -0.1)])
def test_an_impossible_stage_is_named(field: str, value: float) -> None:
    with pytest.raises(ConfigError, match=f"{field}={value}"):
        dataclasses.replace(TrainConfig(steps=1), **{field: value})


@pytest.mark.parametrize("never_read", [0, 44])
def test_refit_needs_something_new_and_something_to_be_judged_on(never_read: int) -> None:
    with pytest.raises(ConfigError, match=f"never_read={never_read} of held_out_articles=44"):
        dataclasses.replace(RECIPES["mini"], refit=TrainConfig(steps=1), never_read=never_read)


def test_an_unknown_recipe_lists_the_known_ones() -> None:
    with pytest.raises(ConfigError, match=r"no recipe 'maxi'.*mini"):
        recipe("maxi")


def test_a_fingerprint_changes_with_any_number() -> None:
    mini: Recipe = RECIPES["mini"]
    other = dataclasses.replace(mini, reading=dataclasses.replace(mini.reading, muon_lr=0.021))
    assert mini.fingerprint != other.fingerprint


def test_a_config_survives_json_and_refuses_unknown_keys() -> None:
    raw = dataclasses.asdict(GPTConfig())
    assert config_from_dict(raw) == GPTConfig()
    with pytest.raises(ConfigError, match="rope_bass"):
        config_from_dict({**raw, "rope_bass": 1})
