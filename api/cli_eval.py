"""`studygpt eval reader|retrieval|answers`: measure, with one table at the end."""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

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
        scores = _known(
            evaluate_reader(reader, args.file, args.limit, lambda done, total: step("reading", done, total))
        )
    return Report(scores, lambda console: show_scores(console, reader.name, scores))


def run_retrieval(args: argparse.Namespace) -> Report:
    """Measures retrieval. Raises IndexerError, RagError."""
    from api.settings import load_settings
    from rag.evaluate import evaluate_retrieval

    settings = load_settings()
    with progress_bar(sys.stderr, "texts") as step:
        scores = evaluate_retrieval(
            args.folder, limit=args.limit, embedding_model=settings.embedding_model, progress=step
        )
    return Report(dict(scores), lambda console: show_retrievers(console, scores))


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
    return Report(scores, lambda console: show_scores(console, "answers", scores))


def show_scores(console: Console, title: str, scores: Mapping[str, float | None]) -> None:
    """One number a line."""
    from rich.table import Table

    table = Table("", title)
    table.columns[1].justify = "right"
    for name, number in scores.items():
        table.add_row(name, _in_words(number))
    console.print(table)


def show_retrievers(console: Console, scores: Mapping[str, Mapping[str, float | None]]) -> None:
    """One retriever a line, one number a column."""
    from rich.table import Table

    table = Table("retriever")
    for column in next(iter(scores.values())):
        table.add_column(column, justify="right")
    for name, numbers in scores.items():
        table.add_row(name, *(_in_words(number) for number in numbers.values()))
    console.print(table)


def _in_words(number: float | None) -> str:
    return "-" if number is None else f"{number:g}"


def _known(scores: Mapping[str, float]) -> dict[str, float | None]:
    """The scores with None in the place of nan, which JSON does not have."""
    return {name: None if math.isnan(score) else score for name, score in scores.items()}
