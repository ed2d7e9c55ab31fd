"""A recipe's texts as tokens, and token vectors made of their statistics, computed once and kept in the run's folder.

    prepared/train-NNN.xz  validation-NNN.xz    shards of uint16 tokens, little-endian
    prepared/vectors.xz                         (vocab_size, n_embd) float16, from `ppmi_svd`
    prepared/prepared.json                      what they were made of, and every file's sha256

LZMA over whole 16-bit symbols packs a token of Wikipedia or arXiv into 7.4 bits: the tokens of all texts are 18% smaller
than the same texts under xz, are unpacked on all cores within seconds, and need no tokenizer there (docs/log.md).
"""

from __future__ import annotations

import hashlib
import json
import lzma
import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from gpt.config import Recipe
from gpt.data import TokenStream, ppmi_svd, read_texts
from gpt.errors import DataError
from gpt.tokenizer import Tokenizer

PREPARED = "prepared"
SVD_TOKENS = 70_000_000  # the SVD takes about 90 s at 16,384 tokens of vocabulary, 30 s at 8,192
SHARD_TOKENS = 4_000_000  # about 4 MB packed: enough shards for every core, few enough files
N_THREADS = 2
_FILTERS = [{"id": lzma.FILTER_LZMA2, "preset": 9, "lc": 3, "lp": 1, "pb": 1}]  # positions counted in 2 bytes


@dataclass(frozen=True)
class Prepared:
    """What pretraining starts from: the token stream, and vectors (vocab_size, n_embd) of unit variance."""

    stream: TokenStream
    vectors: np.ndarray


def fingerprint(recipe: Recipe, tokenizer: Tokenizer) -> str:
    """sha256 of what decides the tokens and vectors: the texts' names, how much of them, tokenizer and width."""
    parts = {
        "text_files": recipe.text_files,
        "fields": recipe.fields,
        "pretrain_chars": recipe.pretrain_chars,
        "tokenizer": tokenizer.fingerprint,
        "n_embd": recipe.model.n_embd,
    }
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def build_stream(recipe: Recipe, tokenizer: Tokenizer, corpus: Path) -> TokenStream:
    """The tokens of the recipe's texts. Raises DataError."""
    paths = [corpus / f for f in recipe.text_files]
    return TokenStream.build(tokenizer, read_texts(paths, recipe.pretrain_chars, recipe.fields))


def build_vectors(recipe: Recipe, stream: TokenStream) -> np.ndarray:
    """Token vectors (vocab_size, n_embd) of unit variance from the first SVD_TOKENS tokens' statistics."""
    return ppmi_svd(stream.train[:SVD_TOKENS], recipe.model.vocab_size, recipe.model.n_embd)


def save_prepared(folder: Path, prepared: Prepared, made_of: str) -> None:
    """Writes the shards; `prepared.json` comes last, so that an interrupted call leaves nothing that looks whole."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "prepared.json").unlink(missing_ok=True)
    shards = {"vectors": prepared.vectors.astype("<f2")}
    for name, tokens in asdict(prepared.stream).items():
        for i, at in enumerate(range(0, len(tokens), SHARD_TOKENS)):
            shards[f"{name}-{i:03d}"] = tokens[at : at + SHARD_TOKENS].astype("<u2")

    def write(name: str) -> tuple[str, str]:
        packed = lzma.compress(shards[name].tobytes(), filters=_FILTERS)
        (folder / f"{name}.xz").write_bytes(packed)
        return f"{name}.xz", hashlib.sha256(packed).hexdigest()

    with ThreadPoolExecutor(N_THREADS) as pool:  # lzma works outside the interpreter's lock
        digests = dict(pool.map(write, shards))
    meta = {"made_of": made_of, "n_embd": prepared.vectors.shape[1], "sha256": digests}
    partial = folder / ".prepared.json"
    partial.write_text(json.dumps(meta, indent=1) + "\n")
    partial.rename(folder / "prepared.json")


def load_prepared(folder: Path, made_of: str) -> Prepared | None:
    """What `save_prepared` wrote, or None when there is nothing or it was made of something else.

    Raises DataError naming a file that is missing or damaged.
    """
    try:
        meta = json.loads((folder / "prepared.json").read_text())
    except FileNotFoundError:
        return None
    if meta["made_of"] != made_of:
        return None

    def read(name: str) -> bytes:
        file = folder / name
        packed = file.read_bytes() if file.is_file() else b""
        if hashlib.sha256(packed).hexdigest() != meta["sha256"][name]:
            raise DataError(f"{file} is missing or damaged; remove {folder} to prepare the texts again")
        return lzma.decompress(packed)

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        raw = dict(zip(sorted(meta["sha256"]), pool.map(read, sorted(meta["sha256"])), strict=True))

    def stream(kind: str) -> np.ndarray:
        parts = [np.frombuffer(data, "<u2") for name, data in raw.items() if name.startswith(f"{kind}-")]
        return np.concatenate([*parts, np.zeros(0, np.uint16)], dtype=np.uint16)

    vectors = np.frombuffer(raw["vectors.xz"], "<f2").astype(np.float32).reshape(-1, meta["n_embd"])
    return Prepared(TokenStream(stream("train"), stream("validation")), vectors)
