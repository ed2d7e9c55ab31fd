"""An exported folder is whole, says what it is, and takes no other folder's place."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from gpt.causal import CausalModel
from gpt.errors import CheckpointError, DataError, ExportError
from gpt.export import EXPECT, export, measure
from gpt.model import GPT
from gpt.pretrain import bits_per_byte
from gpt.tokenizer import Tokenizer
from tests.gpt.conftest import sentences
from tests.gpt.test_causal import causal, save_stage

__all__ = ["causal"]


@pytest.fixture
def source(tmp_path: Path, model: GPT, tokenizer: Tokenizer) -> Path:
    return save_stage(tmp_path / "small", model, tokenizer)


@pytest.fixture
def text(tmp_path: Path) -> Path:
    path = tmp_path / "held-out.txt"
    path.write_text(" ".join(sentences(60, seed=9)), encoding="utf-8")
    return path


HF = {
    "README.md",
    "config.json",
    "generation_config.json",
    "model.safetensors",
    "tokenizer.json",
    "tokenizer_config.json",
}


@pytest.mark.parametrize(("form", "files"), [("hf", HF), ("gguf", {"README.md", "small-pretrain.gguf"})])
def test_the_folder_is_whole(source: Path, tmp_path: Path, form: str, files: set[str]) -> None:
    exported = export(source, form, tmp_path / "new" / "folder")
    assert {file.name for file in exported.folder.iterdir()} == files == set(exported.files)
    assert exported.size_bytes == sum(file.stat().st_size for file in exported.folder.iterdir())
    assert [file.name for file in exported.folder.parent.iterdir()] == ["folder"]
    assert all(file.stat().st_mode & 0o044 for file in exported.folder.iterdir())


def test_the_empty_folder_one_stands_in_is_filled(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    export(source, "gguf", Path())
    assert {file.name for file in Path().iterdir()} == {"README.md", "small-pretrain.gguf"}


def test_a_folder_in_use_is_left_as_it_is(source: Path, tmp_path: Path) -> None:
    (tmp_path / "used").mkdir()
    (tmp_path / "used" / "notes.md").write_text("mine")
    for taken in (tmp_path / "used", tmp_path / "used" / "notes.md"):
        with pytest.raises(ExportError, match="name a new or an empty"):
            export(source, "hf", taken)
    assert (tmp_path / "used" / "notes.md").read_text() == "mine"


def test_what_fails_leaves_nothing(source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "gguf", None)
    monkeypatch.setitem(sys.modules, "tokenizers", None)
    for form, package in (("gguf", "gguf"), ("hf", "tokenizers")):
        with pytest.raises(ExportError, match=f"needs the package {package}; run `pip install {package}`"):
            export(source, form, tmp_path / "out" / form)
    with pytest.raises(CheckpointError):
        export(tmp_path / "nowhere", "hf", tmp_path / "out" / "nowhere")
    assert list((tmp_path / "out").iterdir()) == []


@pytest.mark.parametrize("form", ["hf", "gguf"])
@pytest.mark.parametrize("stage", ["pretrain", "reading"])
def test_the_card_says_what_it_is_and_what_to_expect(
    tmp_path: Path, model: GPT, tokenizer: Tokenizer, form: str, stage: str
) -> None:
    folder = export(save_stage(tmp_path / "small", model, tokenizer, stage), form, tmp_path / "out").folder
    card = (folder / "README.md").read_text(encoding="utf-8")
    assert f"# small-{stage}, a causal language model for" in card
    assert "It does not read" in card
    assert "no\nanswers with citations" in card
    assert EXPECT[stage] in card
    assert "Measured" not in card
    assert "step 7" in card


def test_the_card_of_a_released_model_follows_below_its_own(tmp_path: Path) -> None:
    card = (export(Path("mini"), "gguf", tmp_path / "out").folder / "README.md").read_text(encoding="utf-8")
    headings = [line for line in card.splitlines() if line.startswith("#")]
    assert headings[-2:] == ["## Where the weights come from", "### mini"]
    assert "llama-server -m mini.gguf" in card


def test_the_card_states_the_bits_per_byte_of_a_text(source: Path, text: Path, tmp_path: Path) -> None:
    exported = export(source, "gguf", tmp_path / "out", text)
    assert exported.bits_per_byte is not None
    stated = f"Measured: {exported.bits_per_byte:.3f} bits per byte of `held-out.txt`."
    assert stated in (exported.folder / "README.md").read_text(encoding="utf-8")


def test_bits_per_byte_are_those_of_pretraining(causal: CausalModel, text: Path) -> None:
    ids = [*causal.tokenizer.encode(text.read_text(encoding="utf-8")), causal.tokenizer.special_ids["<|end|>"]]
    expected = bits_per_byte(causal.model, causal.tokenizer, np.array(ids), causal.config.context_len)
    assert measure(causal, text) == pytest.approx(expected)


def test_a_text_too_short_to_measure_is_refused(causal: CausalModel, tmp_path: Path) -> None:
    (tmp_path / "short.txt").write_text("too short")
    with pytest.raises(DataError, match=r"short\.txt has \d+ tokens, measuring needs 257"):
        measure(causal, tmp_path / "short.txt")
