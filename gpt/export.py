"""`studygpt export`: a folder with the causal model in another program's format and a card that says what it is.

The files are written beside the folder and moved into it once all are whole.
"""

from __future__ import annotations

import math
import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from gpt import export_gguf, export_hf
from gpt.causal import CausalModel, load_causal
from gpt.data import read_texts
from gpt.errors import DataError, ExportError
from gpt.pretrain import bits_per_byte

MAX_TEXT_CHARS = 2_000_000
ROW_TOKENS = 256  # of the rows bits per byte are measured on; `bits_per_byte` takes at most 256 rows


@dataclass(frozen=True)
class Format:
    """How a format is written into a folder, and how its card says to use it, with NAME to fill in."""

    write: Callable[[CausalModel, Path], None]
    title: str
    use: str


FORMATS = {
    "hf": Format(export_hf.write_hf, "a causal language model for `transformers` (Qwen3ForCausalLM)", export_hf.USE),
    "gguf": Format(export_gguf.write_gguf, "a causal language model for llama.cpp (GGUF, qwen3)", export_gguf.USE),
}
EXPECT = {
    "pretrain": """These are the weights of pretraining, whose task was to continue text: of all stages this one writes best.
It is a small model that saw little text; expect the words and the grammar of its corpus, not facts.""",
    "reading": """These weights went through reading training, whose task is to point at answers, not to write: expect worse
text than the pretrained weights write, often one word again and again. To write, export the folder of the pretraining
stage; this export is for looking inside and for training on.""",
}


@dataclass(frozen=True)
class Exported:
    """What was written. `bits_per_byte` is None unless a text was given."""

    folder: Path
    name: str
    files: tuple[str, ...]
    parameters: int
    size_bytes: int
    bits_per_byte: float | None


def export(source: Path, format_name: str, folder: Path, text: Path | None = None) -> Exported:
    """Writes the model `source` (see `load_causal`) in a format of `FORMATS` into `folder`, which must be new or empty.

    With `text`, a file as training takes it, the card states the bits per byte of it. Raises ExportError,
    CheckpointError, TokenizerError, DataError, OSError; nothing is left behind then.
    """
    _refuse_taken(folder)
    causal = load_causal(source)
    measured = None if text is None else (text.name, measure(causal, text))
    folder = folder.resolve()
    partial = folder.with_name(f".{folder.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    try:
        FORMATS[format_name].write(causal, partial)
        (partial / "README.md").write_text(card(causal, FORMATS[format_name], measured), encoding="utf-8")
        folder.mkdir(exist_ok=True)
        for file in partial.iterdir():
            file.rename(folder / file.name)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    files = sorted(folder.iterdir())
    return Exported(
        folder, causal.name, tuple(file.name for file in files), n_parameters(causal),
        sum(file.stat().st_size for file in files), measured[1] if measured else None,
    )  # fmt: skip


def _refuse_taken(folder: Path) -> None:
    if folder.is_symlink() or (folder.exists() and not folder.is_dir()):
        raise ExportError(f"{folder} is not a folder; name a new or an empty one")
    if folder.is_dir() and any(folder.iterdir()):
        raise ExportError(f"{folder} is not empty; name a new or an empty folder")


def n_parameters(causal: CausalModel) -> int:
    """Numbers that were trained and are exported; gains of one are not counted."""
    return sum(tensor.numel() for tensor in causal.weights.values() if tensor.dim() > 1)


def measure(causal: CausalModel, text: Path) -> float:
    """Bits per byte of the causal model on the beginning of a text file. Raises DataError when it is too short."""
    end = causal.tokenizer.special_ids["<|end|>"]
    texts = list(read_texts([text], MAX_TEXT_CHARS))
    ids = [i for document in causal.tokenizer.encode_batch(texts) for i in (*document, end)]
    row_tokens = min(ROW_TOKENS, causal.config.context_len)
    found = bits_per_byte(causal.model, causal.tokenizer, np.array(ids), row_tokens)
    if math.isnan(found):
        raise DataError(f"{text} has {len(ids)} tokens, measuring needs {row_tokens + 1}; give more text")
    return found


def card(causal: CausalModel, made: Format, measured: tuple[str, float] | None) -> str:
    """The README of the folder. `measured` is the name of a text and the bits per byte of it."""
    c = causal.config
    expect = EXPECT.get(causal.stage, f"The stage these weights went through last is `{causal.stage}`.")
    note = "" if measured is None else f"\nMeasured: {measured[1]:.3f} bits per byte of `{measured[0]}`.\n"
    origin = re.sub("^#", "###", causal.origin, flags=re.MULTILINE).strip()
    return f"""---
language: en
pipeline_tag: text-generation
---

# {causal.name}, {made.title}

A GPT of {n_parameters(causal) / 1e6:.1f}M parameters ({c.n_layer} layers, {c.n_embd} wide, {c.n_head} heads,
vocabulary {c.vocab_size}, window {c.context_len}), trained from scratch and exported by studygpt, in float32.

## What it is, and what it is not

It writes: given the beginning of a text, it gives a probability to every next token, and these are studygpt's own to
within rounding. It does not read: studygpt answers questions with marks on the words that question and passages
share, with attention in both directions and with scores of spans, none of which has a place in this format. So it gives no
answers with citations, and cannot say that something is not in your materials; `studygpt ask` does. It was not trained
to follow instructions or to chat, and its text may be wrong.

{expect}
{note}
## Use

{made.use.replace("NAME", causal.name)}

## Where the weights come from

{origin}
"""
