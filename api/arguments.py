"""Types of command-line arguments: text to value, or a complaint that names the text."""

from __future__ import annotations

import argparse
from pathlib import Path

PICTURES = (".png", ".svg", ".pdf")
QUESTION = "How many researchers made backpropagation popular?"
PASSAGE = """\
A neuron multiplies each of its inputs by a weight and adds the products up. Backpropagation, made popular by three \
researchers in 1986, tells every weight how much the error would change with it."""


def positive(text: str) -> int:
    """A whole number from 1."""
    try:
        number = int(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number") from error
    if number < 1:
        raise argparse.ArgumentTypeError(f"{number} is not at least 1")
    return number


def minutes(text: str) -> float:
    """A length of time above zero, in minutes."""
    try:
        number = float(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of minutes") from error
    if not 0 < number < float("inf"):
        raise argparse.ArgumentTypeError(f"{text} is not above zero")
    return number


def names(text: str) -> tuple[str, ...]:
    """Names with commas between them, at least one."""
    found = tuple(name.strip() for name in text.split(",") if name.strip())
    if not found:
        raise argparse.ArgumentTypeError(f"{text!r} names nothing")
    return found


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


def picture(text: str) -> Path:
    """A file to draw into, refused before hours of work and not after."""
    path = Path(text).expanduser()
    if path.suffix.lower() not in PICTURES:
        raise argparse.ArgumentTypeError(f"cannot draw {text!r}: end it in {', '.join(PICTURES)}")
    if not path.parent.is_dir():
        raise argparse.ArgumentTypeError(f"the folder of {text!r} does not exist")
    return path


def check_device(name: str) -> None:
    """Raises gpt.errors.ConfigError when torch cannot use the device here."""
    import torch

    from gpt.errors import ConfigError

    try:
        torch.zeros(1, device=name)
    except (RuntimeError, AssertionError) as error:  # torch's word for a device it was built without
        raise ConfigError(f"--device={name} cannot be used here: {str(error).splitlines()[0]}; try cpu") from error


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


def add_prompt(parser: argparse.ArgumentParser) -> None:
    """Adds --model, --question and --passage, for commands that look at one reading."""
    parser.add_argument("--model", metavar="MODEL", type=Path, help="a released model's name, or a model's folder")
    parser.add_argument("--question", metavar="TEXT", type=words, default=QUESTION, help=f"default: {QUESTION}")
    parser.add_argument("--passage", metavar="TEXT", type=words, default=PASSAGE, help="what the answer is read from")
