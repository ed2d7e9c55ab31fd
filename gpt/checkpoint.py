"""Files of a training run and of a released model: safetensors and JSON, written whole or not at all.

A training checkpoint is a folder `step-NNNNNNN` that appears by one rename; a released model is a folder with
`model.safetensors`, `config.json`, `tokenizer.json` and `card.md`. Every file's sha256 stands in the JSON beside it.
Released weights are int8 (gpt/quantize.py) or bf16, and float32 once loaded.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from gpt.config import GPTConfig, config_from_dict
from gpt.errors import CheckpointError, ConfigError
from gpt.model import GPT
from gpt.quantize import STORAGES, Storage, pack, unpack
from gpt.relevance import Relevance
from gpt.tokenizer import Tokenizer

STEP_FORMAT = 1
KEPT_STEPS = 2  # checkpoints of a run: were the newest damaged, one before it is left
FORMAT = 4  # of a released model; 3 knew no relevance, 2 no spread, and in 1 all weights were bf16
CALIBRATION = ("slope", "log_passages", "intercept", "threshold")  # what Reader.probability needs
# And what it takes as 0 where a model was released without them.
SINCE = ("slope_log_passages", "spread", "spread_log_passages", "relevance", "relevance_log_passages")
RELEVANCE = "relevance"  # its tensor among the weights


def save_step(run: Path, step: int, tensors: dict[str, dict[str, Tensor]], state: dict[str, Any]) -> Path:
    """Writes `run/step-NNNNNNN` with one safetensors file a group, then removes all but the newest KEPT_STEPS."""
    final = run / f"step-{step:07d}"
    partial = run / f".partial-{os.getpid()}"
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    for group, named in tensors.items():
        save_file({k: v.detach().contiguous() for k, v in named.items()}, partial / f"{group}.safetensors")
    digests = {f.name: _sha256(f) for f in sorted(partial.iterdir())}
    (partial / "state.json").write_text(json.dumps({"format": STEP_FORMAT, "step": step, "sha256": digests, **state}))
    for file in partial.iterdir():
        _fsync(file)
    shutil.rmtree(final, ignore_errors=True)
    partial.rename(final)
    _fsync(run)
    for old in sorted(run.glob("step-*"))[:-KEPT_STEPS]:
        shutil.rmtree(old)
    return final


def load_latest(run: Path) -> tuple[dict[str, dict[str, Tensor]], dict[str, Any]] | None:
    """The newest whole checkpoint of a run, or None when it has none; damaged ones are passed over.

    Raises CheckpointError when checkpoints exist and every one is damaged.
    """
    reasons = []
    for folder in sorted(run.glob("step-*"), reverse=True):
        try:
            state = json.loads((folder / "state.json").read_text())
            _verify(folder, state["sha256"])
            groups = {name.removesuffix(".safetensors"): load_file(folder / name) for name in state["sha256"]}
        except (OSError, ValueError, KeyError, SafetensorError, CheckpointError) as error:
            reasons.append(f"{folder.name}: {error}")
            continue
        return groups, state
    if reasons:
        raise CheckpointError(f"every checkpoint in {run} is damaged ({'; '.join(reasons)}); remove them to start anew")
    return None


@dataclass(frozen=True)
class Released:
    """A model to serve. `calibration` maps the best span's margin, spread and relevance to a probability (gpt/reader.py);
    without `relevance` spans have none."""

    name: str
    model: GPT
    tokenizer: Tokenizer
    calibration: dict[str, float]
    training: dict[str, Any]
    relevance: Relevance | None = None


def release(folder: Path, released: Released, card: str, weights: Storage = "int8") -> None:
    """Writes a released model, its weights stored as said. The folder appears by one rename, in the place of an older
    one. Raises CheckpointError when a weight is not finite."""
    stored = pack(released.model.state_dict(), weights)
    if released.relevance is not None:
        stored[RELEVANCE] = released.relevance.stored()
    partial = folder.with_name(f".{folder.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    save_file(stored, partial / "model.safetensors")
    (partial / "model.safetensors").chmod(0o644)  # safetensors writes files only their owner can read
    released.tokenizer.save(partial / "tokenizer.json")
    config = {
        "format": FORMAT,
        "name": released.name,
        "weights": weights,
        "model": dataclasses.asdict(released.model.config),
        "tokenizer_fingerprint": released.tokenizer.fingerprint,
        "sha256": {"model.safetensors": _sha256(partial / "model.safetensors")},
        "calibration": released.calibration,
        "training": released.training,
    }
    (partial / "config.json").write_text(json.dumps(config, indent=2) + "\n")
    (partial / "card.md").write_text(card)
    for file in partial.iterdir():
        _fsync(file)
    old = folder.with_name(f".{folder.name}.old")
    shutil.rmtree(old, ignore_errors=True)
    if folder.exists():  # never removed before the new one is whole: a crash leaves one of the two
        folder.rename(old)
    partial.rename(folder)
    _fsync(folder.parent)
    shutil.rmtree(old, ignore_errors=True)


def load_released(folder: Path, compute_dtype: torch.dtype | None = None) -> Released:
    """Reads formats 1 to 4; master weights are float32, products in `compute_dtype` as `GPT` has it.

    Raises CheckpointError naming what is missing, damaged, or belongs to another config or tokenizer.
    """
    try:
        raw = json.loads((folder / "config.json").read_text())
        config = config_from_dict(raw["model"])
        digests, fingerprint = {"model.safetensors": raw["sha256"]["model.safetensors"]}, raw["tokenizer_fingerprint"]
        calibration = {name: float(raw["calibration"][name]) for name in CALIBRATION}
        calibration |= {name: float(raw["calibration"].get(name, 0.0)) for name in SINCE}
        name, training = str(raw["name"]), dict(raw["training"])
    except FileNotFoundError:
        raise CheckpointError(
            f"no model at {folder} (no config.json); name a folder that `studygpt train` made"
        ) from None
    except (ValueError, KeyError, TypeError, OSError, ConfigError) as error:
        raise CheckpointError(
            f"{folder / 'config.json'} does not describe a model: {error}; fetch or train it again"
        ) from error
    if raw.get("format") not in range(1, FORMAT + 1):
        raise CheckpointError(
            f"{folder} has format {raw.get('format')!r}, this version reads 1 to {FORMAT}; update studygpt"
        )
    if raw["format"] > 1 and raw.get("weights") not in STORAGES:
        raise CheckpointError(
            f"{folder} has weights {raw.get('weights')!r}, this version reads {', '.join(STORAGES)}; update studygpt"
        )
    _verify(folder, digests)
    tokenizer = Tokenizer.load(folder / "tokenizer.json")
    if tokenizer.fingerprint != fingerprint or tokenizer.vocab_size != config.vocab_size:
        raise CheckpointError(
            f"{folder / 'tokenizer.json'} is not the tokenizer this model was trained with; restore it"
        )
    model, relevance = _build(config, folder, compute_dtype)
    return Released(name, model, tokenizer, calibration, training, relevance)


def _build(config: GPTConfig, folder: Path, compute_dtype: torch.dtype | None) -> tuple[GPT, Relevance | None]:
    model = GPT(config, compute_dtype)
    try:
        stored = load_file(folder / "model.safetensors")
        head = stored.pop(RELEVANCE, None)
        model.load_state_dict(unpack(stored))
        relevance = None if head is None else Relevance.restored(head, config.n_embd)
    except CheckpointError as error:
        raise CheckpointError(f"{folder / 'model.safetensors'}: {error}") from error
    except (SafetensorError, RuntimeError) as error:
        raise CheckpointError(f"{folder / 'model.safetensors'} does not fit config.json: {error}") from error
    return model.eval(), relevance


def _verify(folder: Path, digests: dict[str, str]) -> None:
    for name, digest in digests.items():
        file = folder / name
        if not file.is_file():
            raise CheckpointError(f"{file} is missing; fetch or train the model again")
        if _sha256(file) != digest:
            raise CheckpointError(
                f"{file} is damaged (its sha256 differs from the recorded one); fetch or train it again"
            )


def _sha256(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _fsync(path: Path) -> None:
    fd = os.open(path, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
