"""`studygpt index`, `search` and `status`: what needs the index alone."""

from __future__ import annotations

import argparse
import contextlib
import sys
import threading
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING

from api.arguments import collection, positive, words
from api.cli_filter import add_filter, filter_of
from api.console import Report, Step, console, one_line, print_indented, progress_bar
from api.excerpt import place_words, preview, source_words

if TYPE_CHECKING:
    from rich.console import Console

    from indexer.errors import IndexerError
    from indexer.index import Index
    from indexer.types import Collection, Hit, IndexStatus, Progress, SyncReport

MODES = ("hybrid", "dense", "bm25")
MAX_IN_PART = 10  # documents read in part that people are shown; --json names all


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Adds the commands."""
    index = subparsers.add_parser(
        "index",
        help="make a collection equal the given files and folders",
        description="Adds, updates and removes documents so that the collection equals the given files and folders.",
        epilog="examples:\n  studygpt index ~/notes ~/papers/attention.pdf --collection lectures\n"
        "  studygpt index --watch ~/notes",
    )
    index.add_argument("paths", metavar="PATH", nargs="+", type=Path, help="a file, or a folder with all it holds")
    index.add_argument(
        "--collection",
        metavar="NAME",
        type=collection,
        default="default",
        help="the collection to change (default: default)",
    )
    index.add_argument(
        "--watch", action="store_true", help="go on: index each change moments after it happens, until Ctrl-C"
    )
    index.set_defaults(run=run_index)

    search = subparsers.add_parser(
        "search",
        help="find the passages nearest to a query",
        description="Finds the passages nearest to a query, best first. "
        'A "phrase" or prefix* has to be there, so do both sides of AND; NOT and - exclude, OR stands between alternatives.',
        epilog="example:\n  studygpt search '\"causal mask\" -encoder' --n 5 --type pdf",
    )
    search.add_argument("query", metavar="QUERY", type=words, help="what to look for, in quotes")
    search.add_argument("--n", metavar="N", type=positive, default=10, help="passages to show, at most (default: 10)")
    add_filter(search)
    search.add_argument("--mode", choices=MODES, default="hybrid", help="how to search (default: hybrid)")
    search.set_defaults(run=run_search)

    status = subparsers.add_parser(
        "status",
        help="show what the data folder holds",
        description="Shows what the data folder holds: documents, passages, collections, models.",
        epilog="example:\n  studygpt status --json",
    )
    status.set_defaults(run=run_status)


def run_index(args: argparse.Namespace) -> Report:
    """Brings the collection up to date, with a progress bar on stderr, and keeps it so with --watch. Raises IndexerError."""
    if args.watch:
        return run_watch(args)
    with _open(args) as index, progress_bar(sys.stderr, "files") as step:
        report = index.sync(args.paths, collection=args.collection, progress=Bar(step))
    return Report(asdict(report), lambda console: show_sync(console, report, args.collection))


def run_watch(args: argparse.Namespace) -> Report:
    """Brings the collection up to date again and again, telling each time, until Ctrl-C. Raises IndexerError."""
    from indexer.scan import check_paths
    from indexer.watch import Follower, happenings

    check_paths(args.paths)
    reports: list[SyncReport] = []
    with _open(args) as index, progress_bar(sys.stderr, "files") as step, contextlib.suppress(KeyboardInterrupt):
        screen = console(sys.stderr)  # made here, its lines go above the bar

        def told(report: SyncReport) -> None:
            reports.append(report)
            show_sync(screen, report, args.collection)

        def troubled(error: IndexerError) -> None:
            screen.print(one_line(f"waiting: {error}"))

        follower = Follower(index, args.paths, args.collection, told, troubled, Bar(step))
        follower.follow(happenings(args.paths, threading.Event()))
    total = in_all(reports)
    return Report(asdict(total), lambda console: show_sync(console, total, args.collection))


def in_all(reports: Sequence[SyncReport]) -> SyncReport:
    """What the looks did together: changes summed up, the rest as the first found and the last left it."""
    from indexer.types import SyncReport

    if not reports:
        return SyncReport()
    names = ("added", "updated", "renamed", "removed", "embedded", "seconds")
    sums = {name: sum(getattr(report, name) for report in reports) for name in names}
    failed = {failure.path: failure for report in reports for failure in report.failed}
    in_part = {document.path: document for report in reports for document in report.in_part}
    return replace(
        reports[0], **sums, chunks=reports[-1].chunks, failed=tuple(failed.values()), in_part=tuple(in_part.values())
    )


class Bar:
    """Shows a sync's progress as files; the chunks being embedded are told in words beside them."""

    def __init__(self, step: Step) -> None:
        self._step = step
        self._files = (0, 0)

    def __call__(self, at: Progress) -> None:
        if at.stage == "read":
            self._files = (at.done, at.total)
        told = f"embedding {at.done}/{at.total}" if at.stage == "embed" else at.current
        self._step(told, *self._files)


def show_sync(console: Console, report: SyncReport, collection: str) -> None:
    """What was done in two lines, then every file that could not be read, and why, then the first of those that were
    read in part, with what is missing."""
    from rich.text import Text

    changes = ", ".join(
        f"{count} {word}"
        for word, count in (
            ("added", report.added),
            ("updated", report.updated),
            ("renamed", report.renamed),
            ("removed", report.removed),
            ("unchanged", report.unchanged),
            ("failed", len(report.failed)),
        )
        if count
    )
    console.print(Text(f"{report.files} files: {changes or 'none of a known format'}", "bold"))
    console.print(
        f"{report.chunks} passages in collection {one_line(collection)}, {report.embedded} embedded, "
        f"{report.seconds:.1f} s"
    )
    for failure in report.failed:
        console.print(
            Text.assemble(("could not read ", "yellow"), one_line(f"{failure.path}: {failure.reason}")), soft_wrap=True
        )
    if report.in_part:
        console.print(f"{len(report.in_part)} of the files read in part")
    for document in report.in_part[:MAX_IN_PART]:
        missing = one_line(f"{document.path}: {'; '.join(document.notices)}")
        console.print(Text.assemble(("read in part ", "yellow"), missing), soft_wrap=True)
    if len(report.in_part) > MAX_IN_PART:
        console.print(f"... and {len(report.in_part) - MAX_IN_PART} more, which --json names")


def run_search(args: argparse.Namespace) -> Report:
    """Searches. Raises IndexerError, and RagError when there is nothing to search or to search for."""
    from rag.errors import EmptyQuestion, NothingIndexed
    from rag.retrieve import holds_passages

    if not args.query.strip():
        raise EmptyQuestion
    with _open(args) as index:
        if not holds_passages(index, args.collection):
            raise NothingIndexed(args.collection)
        hits = index.search(args.query, n=args.n, filter=filter_of(args), mode=args.mode).hits
    return Report({"hits": [hit_json(hit) for hit in hits]}, lambda console: show_hits(console, hits))


def hit_json(hit: Hit) -> dict[str, object]:
    """A hit as programs see it."""
    return {
        "chunk_id": hit.chunk_id,
        "document_id": hit.document_id,
        "path": hit.path,
        "text": hit.text,
        "score": hit.score,
        "page": hit.place.page,
        "line_start": hit.place.line_start,
        "cell": hit.place.cell,
    }


def show_hits(console: Console, hits: tuple[Hit, ...]) -> None:
    """Each hit with its score, its place and its beginning."""
    from rich.text import Text

    if not hits:
        console.print("nothing found")
    for hit in hits:
        place = place_words(hit.place.page, hit.place.line_start, hit.place.line_end, hit.place.cell)
        source = source_words(hit.title, hit.path, place)
        console.print(Text.assemble((f"{hit.score:.3f} ", "green"), (source, "cyan")), soft_wrap=True)
        print_indented(console, Text(preview(hit.text)))


def run_status(args: argparse.Namespace) -> Report:
    """Reads the state of the data folder. Raises IndexerError."""
    with _open(args) as index:
        status, collections = index.status(), index.collections()
    value = {**asdict(status), "collections": [asdict(one) for one in collections]}
    return Report(value, lambda console: show_status(console, status, collections))


def show_status(console: Console, status: IndexStatus, collections: tuple[Collection, ...]) -> None:
    """One fact a line, then the collections."""
    from rich.table import Table

    facts = Table.grid(padding=(0, 2))
    for name, value in asdict(status).items():
        facts.add_row(name.replace("_", " "), one_line(str(value)))
    console.print(facts)
    if collections:
        table = Table("collection", "documents", "passages")
        for one in collections:
            table.add_row(one_line(one.name), str(one.n_documents), str(one.n_chunks))
        console.print(table)


def _open(args: argparse.Namespace) -> Index:
    """The index of the data folder that the arguments and settings name."""
    from api.settings import load_settings
    from indexer.embed import SentenceTransformerEmbedder
    from indexer.index import Index

    settings = load_settings(data_dir=args.data)
    model = settings.embedding_model
    return Index.open(settings.data_dir, embedder=None if model is None else SentenceTransformerEmbedder(model))
