"""`studygpt eval reader|retrieval|answers`: measure, with one row of numbers or one table at the end."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from api.arguments import positive
from api.console import Report, progress_bar

if TYPE_CHECKING:
    from rich.console import Console

SQUAD_HELP = "a file in SQuAD's format, 1.1 or 2.0, .json or .json.xz"


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Adds the commands."""
    parser = subparsers.add_parser(
        "eval",
        help="measure the reader, the retrieval or the answers",
        description="Measures the reader, the retrieval or the answers on a file or folder of questions.",
        epilog="example:\n  studygpt eval reader dev-v1.1.json --limit 500 --json",
    )
    kinds = parser.add_subparsers(title="what to measure", metavar="WHAT", required=True)
    reader = kinds.add_parser(
        "reader",
        help="each question with its own paragraph",
        description="Asks the reader each question about its own paragraph: exact match, F1, trust in abstention.",
        epilog="example:\n  studygpt eval reader dev-v2.0.json.xz",
    )
    reader.add_argument("file", metavar="FILE", type=Path, help=SQUAD_HELP)
    reader.set_defaults(run=run_reader)
    retrieval = kinds.add_parser(
        "retrieval",
        help="every retriever on a test set",
        description="Measures BM25, dense and hybrid retrieval on a test set: nDCG@10, recall@100, MRR@10.",
        epilog="example:\n  studygpt eval retrieval beir/scifact",
    )
    retrieval.add_argument(
        "folder", metavar="DIR", type=Path, help="a folder in BEIR's form: corpus.jsonl, queries.jsonl, qrels.tsv"
    )
    retrieval.set_defaults(run=run_retrieval)
    answers = kinds.add_parser(
        "answers",
        help="all paragraphs indexed, each question asked without telling which",
        description="Indexes every paragraph, asks without telling which one, and scores answers and citations.",
        epilog="example:\n  studygpt eval answers dev-v1.1.json --limit 100",
    )
    answers.add_argument("file", metavar="FILE", type=Path, help=SQUAD_HELP)
    answers.set_defaults(run=run_answers)
    for kind in (reader, retrieval, answers):
        kind.add_argument("--limit", metavar="N", type=positive, help="ask a fixed selection of N questions only")


def run_reader(args: argparse.Namespace) -> Report:
    """Measures the reader. Raises GPTError."""
    from api.settings import load_settings
    from gpt.evaluate import evaluate_reader
    from gpt.reader import Reader

    settings = load_settings()
    reader = Reader.load(settings.model)
    with progress_bar(sys.stderr, "questions") as step:
        scores = evaluate_reader(reader, args.file, args.limit, lambda done, total: step("reading", done, total))
    return Report(scores, lambda console: show_table(console, "", {reader.name: scores}))


def run_retrieval(args: argparse.Namespace) -> Report:
    """Measures retrieval. Raises IndexerError, RagError."""
    from api.settings import load_settings
    from rag.evaluate import evaluate_retrieval

    settings = load_settings()
    with progress_bar(sys.stderr, "texts") as step:
        scores = evaluate_retrieval(
            args.folder, limit=args.limit, embedding_model=settings.embedding_model, progress=step
        )
    return Report(dict(scores), lambda console: show_table(console, "retriever", scores))


def run_answers(args: argparse.Namespace) -> Report:
    """Measures the whole path. Raises IndexerError, GPTError, RagError."""
    from api.settings import load_settings
    from rag.evaluate import evaluate_answers

    settings = load_settings()
    with progress_bar(sys.stderr, "texts") as step:
        scores = evaluate_answers(
            args.file,
            args.limit,
            model=settings.model,
            embedding_model=settings.embedding_model,
            progress=step,
        )
    return Report(scores, lambda console: show_table(console, "", {"answers": scores}))


def show_table(console: Console, corner: str, rows: Mapping[str, Mapping[str, Any]]) -> None:
    """One row for each name, one column for each number."""
    from rich.table import Table

    table = Table(corner)
    for column in next(iter(rows.values())):
        table.add_column(column, justify="right")
    for name, numbers in rows.items():
        table.add_row(name, *("-" if number is None else f"{number:g}" for number in numbers.values()))
    console.print(table)
