"""What the command line writes: a command's outcome on stdout, everything else on stderr.

A command computes a Report and leaves the choice of its form, JSON or words, to the one place that prints.
"""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TextIO

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

Step = Callable[[str, int, int], None]
"""Called with what is being done, how much of it is done, and how much there is (0: unknown)."""


@dataclass(frozen=True)
class Report:
    """What a command found: `json` for programs, `show` for people, and the exit status."""

    json: dict[str, Any]
    show: Callable[[Console], None]
    status: int = 0


def write_json(value: dict[str, Any], stream: TextIO) -> None:
    """One JSON object on one line, in ASCII, so that no terminal's or file name's encoding can break it."""
    stream.write(json.dumps(value, allow_nan=False) + "\n")
    stream.flush()


def console(stream: TextIO) -> Console:
    """A console that colours words only on a terminal and takes nothing in a text for markup."""
    from rich.console import Console

    return Console(file=stream, highlight=False, markup=False, emoji=False)


def one_line(text: str) -> str:
    """The text on one line, with every control character (of a file's name, or a document's) made visible as �."""
    return "".join("�" if unicodedata.category(c) in ("Cc", "Cs") else c for c in " ".join(text.split()))


def print_indented(console: Console, text: Text) -> None:
    """The text, wrapped, two columns in, without blanks at the ends of its lines."""
    for line in text.wrap(console, max(20, console.width - 2)):
        line.rstrip()
        line.pad_left(2)
        console.print(line, soft_wrap=True)


def heading(console: Console, title: str, meaning: str) -> None:
    """The title of a chapter, and what it is about."""
    from rich.text import Text

    console.print()
    console.print(Text.assemble((title.upper(), "bold cyan"), (f"  {meaning}", "dim")))
    console.print()


@contextmanager
def progress_bar(stream: TextIO, unit: str) -> Iterator[Step]:
    """A bar on `stream` with the rate in `unit` a second and the time left; gives the function that moves it.

    Nothing is drawn where there is no terminal, so that a log holds the messages alone.
    """
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeRemainingColumn

    columns = (
        SpinnerColumn(),
        BarColumn(bar_width=30),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}", style="progress.data.speed"),
        TimeRemainingColumn(),
        TextColumn("{task.description}", markup=False),
    )
    with Progress(*columns, console=console(stream), transient=True, disable=not stream.isatty()) as bar:
        task = bar.add_task("", total=None, rate="")

        def step(what: str, done: int, total: int) -> None:
            speed = bar.tasks[0].speed
            rate = f"{speed:.1f} {unit}/s" if speed else ""
            bar.update(task, completed=done, total=total or None, description=one_line(what)[-60:], rate=rate)

        yield step
