"""The command line: `studygpt COMMAND ...`. This file parses, dispatches and reports; each command has its own.

A command module has `register(subparsers)`, which adds its parser and `set_defaults(run=...)`, a function from the
parsed arguments to a Report (or None when there is nothing to say). Heavy libraries are imported inside `run`, so that
help comes at once. Exit status: 0; 1 with one line on stderr; 2 for wrong usage; 130 when interrupted.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
from collections.abc import Sequence
from typing import Any, TextIO

from api import cli_ask, cli_eval, cli_explain, cli_export, cli_index, cli_ladder, cli_serve, cli_train, cli_verify
from api.arguments import folder
from api.console import Report, console, one_line, write_json

INTERRUPTED = 130  # 128 + SIGINT, as shells count
COMMANDS = (cli_index, cli_ask, cli_serve, cli_eval, cli_explain, cli_train, cli_ladder, cli_export, cli_verify)
EXAMPLES = """\
first steps:
  studygpt index ~/notes
  studygpt ask "What does backpropagation compute?"
  studygpt serve

`studygpt COMMAND --help` shows an example of each command. Settings can also come from the environment, as
STUDYGPT_DATA_DIR, STUDYGPT_MODEL and so on; options go first.
"""


class Parser(argparse.ArgumentParser):
    """A parser that also takes the options which every command has, before the command's name or after it."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**{"formatter_class": argparse.RawDescriptionHelpFormatter, "allow_abbrev": False, **kwargs})
        shared = self.add_argument_group("options of every command")
        shared.add_argument(
            "--data",
            metavar="DIR",
            type=folder,
            default=argparse.SUPPRESS,
            help="the data folder (default: the platform's, or STUDYGPT_DATA_DIR)",
        )
        shared.add_argument(
            "--json", action="store_true", default=argparse.SUPPRESS, help="print exactly one JSON object on stdout"
        )


def make_parser() -> Parser:
    """The parser of the whole command line."""
    parser = Parser(
        prog="studygpt",
        description="Answers questions about your own notes and papers, and points at the exact words.",
        epilog=EXAMPLES,
    )
    subparsers = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for command in COMMANDS:
        command.register(subparsers)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one command and gives the exit status; never raises for what a user can cause."""
    try:
        args = make_parser().parse_args(argv, argparse.Namespace(data=None, json=False))
    except SystemExit as stop:  # argparse has printed help (0) or what is wrong (2)
        return stop.code if isinstance(stop.code, int) else 2
    try:
        return run(args, sys.stdout)
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        silence(sys.stdout)
        return 0
    except expected_errors() as error:
        sys.stderr.write(f"studygpt: {explain(error)}\n")
        return 1


def run(args: argparse.Namespace, stdout: TextIO) -> int:
    """Runs the command that was parsed and prints its report on `stdout`; whatever else is printed goes to stderr."""
    with contextlib.redirect_stdout(sys.stderr):
        report: Report | None = args.run(args)
    if report is not None and args.json:
        write_json(report.json, stdout)
    elif report is not None:
        report.show(console(stdout))
        stdout.flush()
    return 0 if report is None else report.status


def expected_errors() -> tuple[type[Exception], ...]:
    """The errors that mean a wrong input or an unfit machine, not a fault of the program; looked up once one is raised."""
    from api.settings import SettingsError
    from gpt.errors import GPTError
    from indexer.errors import IndexerError
    from rag.errors import RagError

    return IndexerError, GPTError, RagError, SettingsError, OSError


def explain(error: Exception) -> str:
    """The error in one line."""
    if isinstance(error, OSError) and error.strerror and error.filename is not None:
        return one_line(f"{error.filename}: {error.strerror}")
    return one_line(str(error)) or type(error).__name__


def silence(stream: TextIO) -> None:
    """Lets what is still buffered go nowhere, so that a closed pipe is not complained of again at exit."""
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


if __name__ == "__main__":
    sys.exit(main())
