"""`studygpt verify`, `backup`, `restore` and `reembed`: what keeps a data folder true."""

from __future__ import annotations

import argparse
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from api.arguments import folder
from api.console import Report, one_line, progress_bar

if TYPE_CHECKING:
    from rich.console import Console

    from indexer.backup import Copied
    from indexer.types import IndexStatus
    from indexer.verify import Verification


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Adds the commands."""
    verify = subparsers.add_parser(
        "verify",
        help="check every promise of the data folder against its bytes",
        description="Checks the data folder, also while a service runs on it. Exit status 1 when something is wrong.",
        epilog="example:\n  studygpt verify --json",
    )
    verify.set_defaults(run=run_verify)

    backup = subparsers.add_parser(
        "backup",
        help="write everything into one checked file, also while a service runs",
        description="Writes the documents and their index into one file, checked before it gets its name.",
        epilog="example:\n  studygpt backup ~/backups/notes-monday.studygpt",
    )
    backup.add_argument("file", metavar="FILE", type=folder, help="the file to make; it must not exist")
    backup.set_defaults(run=run_backup)

    restore = subparsers.add_parser(
        "restore",
        help="make a data folder from a backup",
        description="Makes an empty or new data folder hold what a backup holds, once that has been checked.",
        epilog="example:\n  studygpt restore ~/backups/notes-monday.studygpt --data ~/restored",
    )
    restore.add_argument("file", metavar="FILE", type=folder, help="a file that `studygpt backup` has made")
    restore.add_argument(
        "--replace",
        dest="make",
        action="store_const",
        const="replace",
        default="restore",
        help="set aside what the data folder holds, in a folder inside it",
    )
    restore.set_defaults(run=run_restore)

    reembed = subparsers.add_parser(
        "reembed",
        help="change the embedding model of the data folder",
        description="Embeds everything with another model, then uses that one; interrupted, run it again.",
        epilog="example:\n  studygpt reembed ~/models/bge-small-en\n\nAfterwards set STUDYGPT_EMBEDDING_MODEL to the same name.",
    )
    reembed.add_argument("model", metavar="MODEL", help="folder of a sentence-transformers model, or all-MiniLM-L6-v2")
    reembed.set_defaults(run=run_reembed)


def run_verify(args: argparse.Namespace) -> Report:
    """Checks everything. Raises IndexerError when there is nothing to check."""
    from indexer.verify import verify

    with progress_bar(sys.stderr, "checks") as step:
        outcome = verify(_data_dir(args), step)
    value = {"ok": outcome.ok, **asdict(outcome)}
    return Report(value, lambda console: show_verification(console, outcome), status=0 if outcome.ok else 1)


def show_verification(console: Console, outcome: Verification) -> None:
    """A line for each promise; under a broken one what breaks it and what to do."""
    from rich.text import Text

    for check in outcome.checks:
        mark = ("broken  ", "bold red") if check.n_problems else ("ok  ", "green")
        console.print(Text.assemble(mark, f"{check.name}: {check.promise} ({check.n} checked)"), soft_wrap=True)
        for line in check.problems:
            console.print(f"  {one_line(line)}", soft_wrap=True)
        if check.n_problems > len(check.problems):
            console.print(f"  and {check.n_problems - len(check.problems)} more")
        if check.n_problems:
            console.print(f"  what to do: {check.remedy}", soft_wrap=True)
        for line in check.notes:
            console.print(f"  note: {one_line(line)}", soft_wrap=True)
    if outcome.content_sha256:
        console.print(f"content {outcome.content_sha256}", soft_wrap=True)


def run_backup(args: argparse.Namespace) -> Report:
    """Writes the backup. Raises IndexerError, OSError."""
    from indexer.backup import backup

    with progress_bar(sys.stderr, "pages") as step:
        copied = backup(_data_dir(args), args.file, step)
    return Report(asdict(copied), lambda console: show_copied(console, copied))


def run_restore(args: argparse.Namespace) -> Report:
    """Restores a backup. Raises IndexerError, OSError."""
    from indexer import backup

    make = backup.replace if args.make == "replace" else backup.restore
    with progress_bar(sys.stderr, "pages") as step:
        copied = make(args.file, _data_dir(args), step)
    return Report(asdict(copied), lambda console: show_copied(console, copied))


def show_copied(console: Console, copied: Copied) -> None:
    """What is there now, and where what was there before is."""
    console.print(
        f"{copied.n_documents} documents, {copied.n_chunks} passages, {copied.size_bytes / 2**20:.1f} MiB, "
        f"checked: {one_line(copied.path)}",
        soft_wrap=True,
    )
    if copied.former is not None:
        console.print(f"what was there before is kept in {one_line(copied.former)}", soft_wrap=True)
    console.print(f"content {copied.content_sha256}", soft_wrap=True)


def run_reembed(args: argparse.Namespace) -> Report:
    """Changes the embedding model. Raises IndexerError."""
    from api.settings import load_settings
    from indexer.embed import DEFAULT_MODEL, SentenceTransformerEmbedder
    from indexer.index import Index

    settings = load_settings(data_dir=args.data)
    former = None if settings.embedding_model is None else SentenceTransformerEmbedder(settings.embedding_model)
    model = SentenceTransformerEmbedder(None if args.model == DEFAULT_MODEL else args.model)
    with Index.open(settings.data_dir, embedder=former) as index, progress_bar(sys.stderr, "texts") as step:
        index.change_model(model, progress=lambda done, total: step("embedding", done, total))
        status = index.status()
    return Report(asdict(status), lambda console: show_model(console, status))


def show_model(console: Console, status: IndexStatus) -> None:
    """The model and what is left to do."""
    console.print(f"{status.n_chunks} passages now use {one_line(status.embedding_model)}", soft_wrap=True)
    console.print(f"set STUDYGPT_EMBEDDING_MODEL={one_line(status.embedding_model)} from now on", soft_wrap=True)


def _data_dir(args: argparse.Namespace) -> Path:
    from api.settings import load_settings

    return load_settings(data_dir=args.data).data_dir
