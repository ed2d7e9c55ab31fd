"""`studygpt eval reader|calibration|retrieval|answers`: measure, with one table at the end."""

from __future__ import annotations

import argparse
import math
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from api.arguments import picture, positive
from api.console import Report, progress_bar
from api.eval_tables import show_calibration, show_reader, show_retrievers, show_scores

if TYPE_CHECKING:
    from gpt.reader import Reader

SQUAD_HELP = "a file in SQuAD's format, 1.1 or 2.0, .json or .json.xz"


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Adds the commands."""
    parser = subparsers.add_parser(
        "eval",
        help="measure the reader, its calibration, the retrieval or the answers",
        description="Measures the reader, its calibration, the retrieval or the answers on a file or folder of questions.",
        epilog="example:\n  studygpt eval reader dev-v1.1.json --limit 500 --json",
    )
    kinds = parser.add_subparsers(title="what to measure", metavar="WHAT", required=True)
    reader = kinds.add_parser(
        "reader",
        help="each question with its own paragraph",
        description="Asks the reader each question about its own paragraph: exact match and F1 with 95% intervals, "
        "and how far its confidence can be trusted.",
        epilog="example:\n  studygpt eval reader dev-v2.0.json.xz --plot trust.png",
    )
    reader.add_argument("file", metavar="FILE", type=Path, help=SQUAD_HELP)
    reader.add_argument(
        "--plot", metavar="FILE", type=picture, help="draw risk against coverage, and reliability (.png, .svg, .pdf)"
    )
    reader.set_defaults(run=run_reader)
    calibration = kinds.add_parser(
        "calibration",
        help="the model's own probabilities beside ones fitted on other articles",
        description="Fits the abstention on half of the articles and scores it on the other half, both ways.",
        epilog="example:\n  studygpt eval calibration dev-v2.0.json.xz",
    )
    calibration.add_argument("file", metavar="FILE", type=Path, help="a file in SQuAD 2.0's format, .json or .json.xz")
    calibration.set_defaults(run=run_calibration)
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
    for kind in (reader, calibration, retrieval, answers):
        kind.add_argument("--limit", metavar="N", type=positive, help="ask a fixed selection of N questions only")


def run_reader(args: argparse.Namespace) -> Report:
    """Measures the reader. Raises GPTError, OSError."""
    from gpt.evaluate import grade_file, summarize
    from gpt.reader_plot import plot_reader

    reader = _reader()
    with progress_bar(sys.stderr, "questions") as step:
        graded = grade_file(reader, args.file, args.limit, lambda done, total: step("reading", done, total))
    if args.plot is not None:
        plot_reader(graded, reader.name, args.plot)
    scores = _known(summarize(graded, reader.threshold))
    return Report(scores, lambda console: show_reader(console, reader.name, scores))


def run_calibration(args: argparse.Namespace) -> Report:
    """Measures the model's own calibration beside a cross-fitted one. Raises GPTError."""
    from gpt.calibrate import compare_calibrations
    from gpt.evaluate import grade_file

    reader = _reader()
    with progress_bar(sys.stderr, "questions") as step:
        graded = grade_file(reader, args.file, args.limit, lambda done, total: step("reading", done, total))
    found = compare_calibrations(graded, reader.released.calibration)
    return Report(found, lambda console: show_calibration(console, reader.name, found))


def _reader() -> Reader:
    """The reader that the settings name. Raises CheckpointError."""
    from api.settings import load_settings
    from gpt.reader import Reader

    return Reader.load(load_settings().model)


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


def _known(scores: dict[str, float]) -> dict[str, float | None]:
    """The scores with None in the place of nan, which JSON does not have."""
    return {name: None if math.isnan(score) else score for name, score in scores.items()}
