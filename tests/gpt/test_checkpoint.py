"""A released model loads as it was saved, and whatever does not fit is refused by name."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from gpt.checkpoint import Released, load_released, release, save_step
from gpt.errors import CheckpointError, TokenizerError
from gpt.model import GPT
from gpt.quantize import STORAGES
from gpt.relevance import Relevance
from gpt.tokenizer import Tokenizer, train_tokenizer
from tests.gpt.conftest import sentences

SINCE_THEN = {
    "slope_log_passages": 0.25,
    "spread": 0.5,
    "spread_log_passages": -0.125,
    "relevance": 0.75,
    "relevance_log_passages": 0.0625,
}
CALIBRATION = {"slope": 1.0, "log_passages": -0.5, "intercept": 0.0, "threshold": 0.5} | SINCE_THEN


@pytest.fixture
def folder(tmp_path: Path, model: GPT, tokenizer: Tokenizer) -> Path:
    release(tmp_path / "m", Released("m", model, tokenizer, CALIBRATION, {"recipe": "none"}), "# m\n")
    return tmp_path / "m"


def test_a_released_model_gives_the_same_states_up_to_rounding(folder: Path, model: GPT, tokenizer: Tokenizer) -> None:
    loaded = load_released(folder, torch.float32)
    ids = torch.randint(0, 300, (1, 9))
    assert torch.nn.functional.cosine_similarity(loaded.model(ids), model(ids), dim=-1).min() > 0.999
    assert (loaded.name, loaded.tokenizer, loaded.calibration) == ("m", tokenizer, CALIBRATION)
    assert loaded.relevance is None
    assert sorted(f.name for f in folder.iterdir()) == ["card.md", "config.json", "model.safetensors", "tokenizer.json"]


def test_releasing_again_replaces_the_folder_whole(folder: Path, model: GPT, tokenizer: Tokenizer) -> None:
    (folder / "left-over").touch()
    release(folder, Released("n", model, tokenizer, CALIBRATION, {}), "# n\n")
    assert load_released(folder).name == "n"
    assert not (folder / "left-over").exists()
    assert [f.name for f in folder.parent.iterdir()] == ["m"]


def test_int8_halves_the_file_of_bf16_and_stays_near_it(
    folder: Path, tmp_path: Path, model: GPT, tokenizer: Tokenizer
) -> None:
    release(tmp_path / "b", Released("m", model, tokenizer, CALIBRATION, {"recipe": "none"}), "# m\n", "bf16")
    narrow, wide = (path / "model.safetensors" for path in (folder, tmp_path / "b"))
    assert narrow.stat().st_size < 0.7 * wide.stat().st_size  # names and scales weigh more in a model this small
    one, other = load_released(folder, torch.float32), load_released(tmp_path / "b", torch.float32)
    assert (other.name, other.calibration, other.training) == (one.name, one.calibration, one.training)
    for a, b in zip(one.model.parameters(), other.model.parameters(), strict=True):
        assert torch.allclose(a, b, atol=a.abs().max().item() * 0.02)


def test_a_model_of_format_1_is_still_read(folder: Path, model: GPT, tokenizer: Tokenizer) -> None:
    release(folder, Released("m", model, tokenizer, CALIBRATION, {}), "# m\n", "bf16")
    raw = json.loads((folder / "config.json").read_text())
    del raw["weights"]
    of_then = {name: term for name, term in CALIBRATION.items() if name not in SINCE_THEN}
    (folder / "config.json").write_text(json.dumps(raw | {"format": 1, "calibration": of_then}))
    loaded = load_released(folder)
    assert loaded.calibration == of_then | dict.fromkeys(SINCE_THEN, 0.0)
    weights = loaded.model.state_dict()
    assert all(torch.equal(weights[n], w.bfloat16().float()) for n, w in model.state_dict().items())


def test_the_head_of_relevance_comes_back_as_it_was(tmp_path: Path, model: GPT, tokenizer: Tokenizer) -> None:
    relevance = Relevance(torch.randn(model.config.n_embd), -1.5)
    released = Released("m", model, tokenizer, CALIBRATION, {}, relevance)
    for storage in STORAGES:
        release(tmp_path / storage, released, "# m\n", storage)
        loaded = load_released(tmp_path / storage).relevance
        assert loaded is not None
        assert torch.equal(loaded.weight, relevance.weight)
        assert loaded.bias == relevance.bias
    release(tmp_path / "narrow", dataclasses.replace(released, relevance=Relevance(torch.zeros(3), 0.0)), "# m\n")
    with pytest.raises(CheckpointError, match=r"relevance has shape \(4,\), expected"):
        load_released(tmp_path / "narrow")


def test_lost_scales_are_named_with_their_file(folder: Path) -> None:
    file = folder / "model.safetensors"
    save_file({n: t for n, t in load_file(file).items() if n != "embedding.weight.scale"}, file)
    raw = json.loads((folder / "config.json").read_text())
    raw["sha256"] = {file.name: hashlib.sha256(file.read_bytes()).hexdigest()}
    (folder / "config.json").write_text(json.dumps(raw))
    with pytest.raises(CheckpointError, match=r"model\.safetensors: embedding\.weight is int8 but .*scale is missing"):
        load_released(folder)


def test_one_flipped_byte_is_found(folder: Path) -> None:
    with (folder / "model.safetensors").open("r+b") as file:
        file.seek(-3, 2)
        file.write(b"\x7f")
    with pytest.raises(CheckpointError, match=r"model\.safetensors is damaged"):
        load_released(folder)


def test_missing_files_are_named(folder: Path, tmp_path: Path) -> None:
    (folder / "model.safetensors").unlink()
    with pytest.raises(CheckpointError, match=r"model\.safetensors is missing"):
        load_released(folder)
    with pytest.raises(CheckpointError, match="no model at"):
        load_released(tmp_path / "nowhere")


def test_another_tokenizer_is_refused(folder: Path) -> None:
    train_tokenizer(sentences(300, seed=5), vocab_size=320).save(folder / "tokenizer.json")
    with pytest.raises(CheckpointError, match="not the tokenizer this model was trained with"):
        load_released(folder)
    (folder / "tokenizer.json").write_text("{}")
    with pytest.raises(TokenizerError):
        load_released(folder)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"format": 99}, "format 99"),
        ({"weights": "int3"}, "weights 'int3'"),
        ({"model": {"depth": 2}}, "does not describe a model"),
        ({"sha256": None}, "does not describe a model"),
        ({"calibration": {"slope": 1.0}}, "does not describe a model"),
    ],
)
def test_another_format_or_config_is_refused(folder: Path, change: dict, message: str) -> None:
    raw = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(raw | change))
    with pytest.raises(CheckpointError, match=message):
        load_released(folder)


def test_a_config_of_another_shape_is_refused(folder: Path) -> None:
    raw = json.loads((folder / "config.json").read_text())
    raw["model"]["depth"] = 3
    (folder / "config.json").write_text(json.dumps(raw))
    with pytest.raises(CheckpointError, match=r"does not fit config\.json"):
        load_released(folder)


def test_only_the_newest_checkpoints_of_a_run_stay(tmp_path: Path) -> None:
    for step in (5, 10, 15):
        save_step(tmp_path, step, {"weights": {"w": torch.zeros(2)}}, {})
    assert sorted(f.name for f in tmp_path.iterdir()) == ["step-0000010", "step-0000015"]
