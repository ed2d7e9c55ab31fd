"""`studygpt export`: the causal model for other programs. What is written is in gpt/export.py."""

from __future__ import annotations

import argparse
import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING

from api.arguments import folder
from api.console import Report

if TYPE_CHECKING:
    from rich.console import Console

    from gpt.export import Exported

FORMATS = ("hf", "gguf")  # the keys of gpt.export.FORMATS, without its imports
_EPILOG = """\
examples:
  studygpt export mini --format hf exported/mini
  studygpt export runs/mini/pretrain --format gguf exported/mini-gguf --text held-out.jsonl.xz

hf opens in transformers, gguf in llama.cpp. The exported model continues text; it does not read with citations, and the
weights of a reader write worse than those of its pretraining (runs/NAME/pretrain)."""


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Adds the command."""
    parser = subparsers.add_parser(
        "export",
        help="write a model as a causal language model for other programs",
        description="Writes a model as a stock causal language model (Qwen3) for transformers or llama.cpp.",
        epilog=_EPILOG,
    )
    parser.add_argument("model", metavar="MODEL", type=folder, help="a released model's name, or a folder of `train`")
    parser.add_argument("--format", choices=FORMATS, required=True, help="hf: transformers; gguf: llama.cpp")
    parser.add_argument("folder", metavar="DIR", type=folder, help="the folder to make; it must be new or empty")
    parser.add_argument(
        "--text", metavar="FILE", type=Path, help="measure bits per byte of this text and state it in the card"
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> Report:
    """Exports the model. Raises GPTError, OSError."""
    from gpt.export import export

    exported = export(args.model, args.format, args.folder, args.text)
    return Report(export_json(exported), lambda console: show(console, exported))


def export_json(exported: Exported) -> dict[str, object]:
    """Every field; the folder as text."""
    return dataclasses.asdict(exported) | {"folder": str(exported.folder)}


def show(console: Console, exported: Exported) -> None:
    """Where the files are and how large."""
    millions, mebibytes = exported.parameters / 1e6, exported.size_bytes / 2**20
    console.print(
        f"{exported.name}: {millions:.1f}M parameters, {mebibytes:.1f} MiB in {exported.folder}", soft_wrap=True
    )
    console.print(", ".join(exported.files), soft_wrap=True)
    if exported.bits_per_byte is not None:
        console.print(f"{exported.bits_per_byte:.3f} bits per byte")
