"""The options that say where to look become a filter; a date that is none is named."""

from __future__ import annotations

import argparse
from datetime import UTC, datetime, timedelta

import pytest

from api.cli_filter import add_filter, filter_of, since
from indexer.types import Filter


def parsed(*arguments: str) -> Filter:
    parser = argparse.ArgumentParser()
    add_filter(parser)
    return filter_of(parser.parse_args(arguments))


def test_without_options_everything_is_admitted() -> None:
    assert parsed() == Filter()


def test_every_option_is_part_of_the_filter() -> None:
    at = datetime(2026, 9, 1).astimezone()
    options = ("--collection", "notes", "--path", "a/*.md", "--type", "md", "--since", "2026-09-01")
    assert parsed(*options) == Filter("notes", "a/*.md", "md", at)


def test_a_time_may_be_told_to_the_second_or_in_days() -> None:
    assert since("2026-09-01T10:00:00+02:00") == datetime(2026, 9, 1, 8, tzinfo=UTC)
    assert abs(since("7d") - (datetime.now(UTC) - timedelta(days=7))) < timedelta(minutes=1)


@pytest.mark.parametrize("text", ["soon", "d", "-3d", "2026-13-01", "99999999999d", ""])
def test_what_is_no_date_is_named_with_an_example(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match=r"is no date; write it as 2026-09-01, or 7d"):
        since(text)
