"""The plain encoder computes what sentence-transformers computes; a model that it does not know it leaves to that."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from indexer.embed import SentenceTransformerEmbedder, load_reference
from indexer.encoder import Encoder, can_encode

torch = pytest.importorskip("torch")
TEXTS = ["short", "The cat sat on the mat. " * 30, "Gradients flow backwards through the layers.", "word " * 90]


@pytest.fixture(scope="module")
def folder() -> Path:
    return SentenceTransformerEmbedder()._folder


@pytest.mark.parametrize(("dtype", "least"), [("float32", 0.999999), ("bfloat16", 0.998)])
def test_vectors_are_those_of_sentence_transformers(folder: Path, dtype: str, least: float) -> None:
    reference = load_reference(folder, "cpu", torch.float32)
    expected = reference.encode(TEXTS, normalize_embeddings=True)
    ids = [reference.tokenizer(text)["input_ids"] for text in TEXTS]
    order = sorted(range(len(ids)), key=lambda row: -len(ids[row]))
    found = Encoder(folder, getattr(torch, dtype)).encode([ids[row] for row in order])
    assert (found.dtype, found.shape) == (np.float32, (len(TEXTS), 384))
    assert (found * expected[order]).sum(axis=1).min() >= least


@pytest.mark.parametrize(
    ("file", "change"),
    [
        ("config.json", {"hidden_act": "relu"}),
        ("config.json", {"model_type": "mpnet"}),
        ("1_Pooling/config.json", {"pooling_mode_cls_token": True}),
        ("modules.json", [{"type": "sentence_transformers.models.Transformer"}]),
    ],
)
def test_another_model_is_left_to_sentence_transformers(
    folder: Path, tmp_path: Path, file: str, change: dict[str, object] | list[object]
) -> None:
    copy = tmp_path / "model"
    (copy / "1_Pooling").mkdir(parents=True)
    for name in ("config.json", "modules.json", "1_Pooling/config.json"):
        shutil.copy(folder / name, copy / name)
    (copy / "model.safetensors").touch()
    assert can_encode(copy)
    known = json.loads((copy / file).read_text())
    (copy / file).write_text(json.dumps(known | change if isinstance(change, dict) else change))
    assert not can_encode(copy)


def test_a_folder_without_a_model_is_none_of_ours(tmp_path: Path) -> None:
    assert not can_encode(tmp_path)
