"""`studygpt explain`: inside the model that answers, one way of looking a subcommand."""

from __future__ import annotations

import argparse

from api import cli_explain_neuron, cli_explain_reading


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Adds the command."""
    parser = subparsers.add_parser(
        "explain",
        help="look inside the model that answers",
        description="Looks inside the model that answers, with its real numbers.",
        epilog="examples:\n  studygpt explain reading\n  studygpt explain neuron",
    )
    kinds = parser.add_subparsers(title="what to explain", metavar="WHAT", required=True)
    cli_explain_reading.register(kinds)
    cli_explain_neuron.register(kinds)
