"""Types of command-line arguments: text to value, or a complaint that names the text."""

from __future__ import annotations

import argparse
from pathlib import Path


def positive(text: str) -> int:
    """A whole number from 1."""
    try:
        number = int(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number") from error
    if number < 1:
        raise argparse.ArgumentTypeError(f"{number} is not at least 1")
    return number


def port(text: str) -> int:
    """A TCP port, 0 for any free one."""
    if not text.isdecimal() or int(text) > 65535:
        raise argparse.ArgumentTypeError(f"{text!r} is not a port from 0 to 65535")
    return int(text)


def folder(text: str) -> Path:
    """A path that is not empty, so that an unset shell variable does not stand for the current folder."""
    if not text.strip():
        raise argparse.ArgumentTypeError("the name of the folder is empty")
    return Path(text).expanduser()


def words(text: str) -> str:
    """A question or a query, which must be text: a terminal can pass any bytes."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is not text in UTF-8") from error
    return text


def collection(text: str) -> str:
    """A collection's name: some words, no control character."""
    if not text.strip() or not text.isprintable():
        raise argparse.ArgumentTypeError(f"{text!r} is no name for a collection")
    return text
