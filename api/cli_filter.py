"""The options that say which documents to look in, for the commands that search."""

from __future__ import annotations

import argparse
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from indexer.types import Filter


def add_filter(parser: argparse.ArgumentParser) -> None:
    """Adds `--collection`, `--path`, `--type` and `--since`."""
    parser.add_argument("--collection", metavar="NAME", help="look in this collection only (default: in all)")
    parser.add_argument(
        "--path", metavar="GLOB", help="only documents whose path, or its end, matches, as 'lectures/*.md' does"
    )
    parser.add_argument("--type", metavar="TYPE", help="only documents of this suffix (pdf) or media type (text/*)")
    parser.add_argument(
        "--since", metavar="DATE", type=since, help="only documents changed since: 2026-09-01, or 7d for a week"
    )


def filter_of(args: argparse.Namespace) -> Filter:
    """What the options say."""
    from indexer.types import Filter

    return Filter(args.collection, args.path, args.type, args.since)


def since(text: str) -> datetime:
    """A date or time in ISO 8601, of this machine's zone if it names none, or a number of days before now."""
    days = text.removesuffix("d")
    try:
        if days != text and days.isdecimal():
            return datetime.now(UTC) - timedelta(days=int(days))
        return datetime.fromisoformat(text).astimezone()
    except (ValueError, OverflowError) as error:
        raise argparse.ArgumentTypeError(f"{text!r} is no date; write it as 2026-09-01, or 7d for a week") from error
