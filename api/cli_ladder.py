"""`studygpt ladder`: train the lecture's ladder of models on any text and see what each idea is worth."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from api.arguments import check_device, picture, positive
from api.console import Report, progress_bar

if TYPE_CHECKING:
    from rich.console import Console

    from gpt.ladder import RungResult


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Adds the command."""
    parser = subparsers.add_parser(
        "ladder",
        help="train bigram, attention, ... on a text, one idea after the other",
        description="Trains the lecture's models on any text, one idea after the other, and shows what each reaches.",
        epilog="example:\n  studygpt ladder shakespeare.txt --rungs bigram self-attention --steps 500 --plot ladder.png",
    )
    parser.add_argument("text", metavar="TEXT", type=Path, help="a text file (UTF-8)")
    parser.add_argument(
        "--steps", metavar="N", type=positive, help="training steps of each rung (default: the lecture's)"
    )
    parser.add_argument(
        "--rungs", metavar="NAME", nargs="+", help="climb these rungs only (default: all but the slow last)"
    )
    parser.add_argument("--device", default="cpu", help="cpu or cuda, as in cuda:1 (default: cpu)")
    parser.add_argument("--seed", metavar="N", type=int, default=1337, help="seed of all randomness (default: 1337)")
    parser.add_argument(
        "--plot", metavar="FILE", type=picture, help="draw the losses into this picture (.png, .svg, .pdf)"
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> Report:
    """Climbs the ladder, with a progress bar on stderr. Raises GPTError, OSError."""
    from gpt.errors import DataError
    from gpt.ladder import plot_ladder, run_ladder

    check_device(args.device)
    try:
        text = args.text.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise DataError(f"{args.text} is not a text in UTF-8: byte {error.start} does not fit; convert it") from error
    with progress_bar(sys.stderr, "steps") as step:
        results = run_ladder(
            text,
            steps=args.steps,
            seed=args.seed,
            device=args.device,
            rungs=args.rungs,
            on_step=lambda name, done, total, loss: step(f"{name}, training loss {loss:.3f}", done, total),
        )
    if args.plot is not None:
        plot_ladder(results, args.plot)
    return Report(ladder_json(results), lambda console: show(console, results))


def ladder_json(results: Sequence[RungResult]) -> dict[str, object]:
    """Every rung as programs see it; losses in nats a character."""
    names = ("name", "parameters", "val_loss", "steps", "seconds")
    return {"rungs": [{name: getattr(result, name) for name in names} for result in results]}


def show(console: Console, results: Sequence[RungResult]) -> None:
    """One rung a row, with its idea."""
    from rich.table import Table

    table = Table("rung")
    for heading in ("parameters", "validation loss", "seconds"):
        table.add_column(heading, justify="right")
    table.add_column("the idea it adds")
    for result in results:
        table.add_row(
            result.name, f"{result.parameters:,}", f"{result.val_loss:.3f}", f"{result.seconds:.0f}", result.explanation
        )
    console.print(table)
