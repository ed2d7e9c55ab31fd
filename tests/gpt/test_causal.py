"""What is exported: any trained model by its name or folder, in Qwen3's parts and GPT-2's spelling."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import pytest
import torch

from gpt.causal import CausalModel, load_causal, spelled_merges, spelled_tokens, stock_weights
from gpt.checkpoint import Released, release, save_step
from gpt.errors import CheckpointError, ExportError, TokenizerError
from gpt.model import GPT, Linear
from gpt.tokenizer import SPECIALS, Tokenizer
from tests.gpt.test_checkpoint import CALIBRATION


def save_stage(run: Path, model: GPT, tokenizer: Tokenizer, stage: str = "pretrain") -> Path:
    """A training stage's folder as `gpt.train` leaves it."""
    run.mkdir(parents=True, exist_ok=True)
    tokenizer.save(run / "tokenizer.json")
    state = {"identity": {"task": stage, "model": asdict(model.config)}, "tokens": 2e6, "seconds": 90.0, "loss": 4.5}
    save_step(run / stage, 7, {"average": dict(model.named_parameters())}, state)
    return run / stage


@pytest.fixture
def causal(model: GPT, tokenizer: Tokenizer) -> CausalModel:
    return CausalModel("tiny", model, tokenizer, "pretrain", "# tiny\n")


def test_a_training_stage_is_loaded_exactly(tmp_path: Path, model: GPT, tokenizer: Tokenizer) -> None:
    loaded = load_causal(save_stage(tmp_path / "small", model, tokenizer))
    assert (loaded.name, loaded.stage, loaded.tokenizer) == ("small-pretrain", "pretrain", tokenizer)
    assert all(torch.equal(a, b) for a, b in zip(loaded.model.parameters(), model.parameters(), strict=True))
    assert "step 7" in loaded.origin
    assert "2.0M tokens" in loaded.origin


def test_a_released_folder_is_loaded_with_its_card(tmp_path: Path, model: GPT, tokenizer: Tokenizer) -> None:
    release(tmp_path / "m", Released("m", model, tokenizer, CALIBRATION, {}), "# m\n\nA reader.\n")
    loaded = load_causal(tmp_path / "m")
    assert (loaded.name, loaded.stage, loaded.origin) == ("m", "reading", "# m\n\nA reader.\n")
    assert loaded.model.compute_dtype == torch.float32


def test_a_bare_name_is_a_released_model() -> None:
    assert load_causal(Path("mini")).name == "mini"


def test_an_unknown_model_names_the_known_ones(tmp_path: Path) -> None:
    for nothing in (Path("grand"), tmp_path):
        with pytest.raises(CheckpointError, match=r"name a released one \(.*mini.*\), or a folder"):
            load_causal(nothing)


def test_a_stage_without_its_tokenizer_is_refused(tmp_path: Path, model: GPT, tokenizer: Tokenizer) -> None:
    stage = save_stage(tmp_path, model, tokenizer)
    path = tmp_path / "tokenizer.json"
    raw = json.loads(path.read_text())
    path.write_text(json.dumps(raw | {"tokens": raw["tokens"][:-1]}))
    with pytest.raises(CheckpointError, match="has 319 tokens"):
        load_causal(stage)
    path.unlink()
    with pytest.raises(TokenizerError, match="no tokenizer at"):
        load_causal(stage)


def test_every_weight_that_writes_is_exported_once(causal: CausalModel, model: GPT) -> None:
    trained = sum(p.numel() for name, p in model.named_parameters() if "mark" not in name and "span" not in name)
    assert sum(tensor.numel() for tensor in causal.weights.values() if tensor.dim() == 2) == trained
    assert all(tensor.dtype == torch.float32 for tensor in causal.weights.values())


def test_the_final_norm_carries_the_scale_of_the_output(causal: CausalModel) -> None:
    assert torch.allclose(causal.weights["model.norm.weight"], torch.tensor(causal.config.n_embd**-0.5))


def test_a_model_with_other_parts_is_refused_by_name(model: GPT) -> None:
    model.blocks[1].convolution = Linear(3, 3)
    with pytest.raises(ExportError, match=r"no place for: blocks\.1\.convolution\.weight"):
        stock_weights(model)


def test_tokens_are_spelled_as_gpt2_spells_bytes(tokenizer: Tokenizer) -> None:
    spelled = spelled_tokens(tokenizer)
    assert len(set(spelled)) == tokenizer.vocab_size
    assert spelled[ord(" ")] == "Ġ"
    assert spelled[ord("\n")] == "Ċ"
    assert spelled[-len(SPECIALS) :] == list(SPECIALS)


def every_cut(tokenizer: Tokenizer) -> Iterator[tuple[bytes, bytes]]:
    """The slow way: every pair of tokens whose bytes together are a token."""
    known = set(tokenizer.ranks)
    return ((a, b) for a in tokenizer.ranks for b in tokenizer.ranks if a + b in known)


def test_merges_are_all_pairs_that_make_a_token_in_the_order_of_what_they_make(tokenizer: Tokenizer) -> None:
    spelled = dict(zip(tokenizer.ranks, spelled_tokens(tokenizer), strict=False))
    merges = spelled_merges(tokenizer)
    assert sorted(merges) == sorted((spelled[a], spelled[b]) for a, b in every_cut(tokenizer))
    made = [list(spelled.values()).index(a + b) for a, b in merges]
    assert made == sorted(made)
