"""`studygpt serve`: the HTTP service and the page."""

from __future__ import annotations

import argparse

from api.arguments import folder, port


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Adds the command."""
    parser = subparsers.add_parser(
        "serve",
        help="start the HTTP service and the page",
        description="Starts the HTTP service and the page, until it is interrupted.",
        epilog="examples:\n  studygpt serve --port 8080\n  studygpt serve --watch ~/notes",
    )
    parser.add_argument(
        "--host", metavar="ADDRESS", help="address to listen on (default: 127.0.0.1, this machine only)"
    )
    parser.add_argument(
        "--port", metavar="PORT", type=port, help="port to listen on, 0 for any free one (default: 8000)"
    )
    parser.add_argument(
        "--watch", metavar="FOLDER", type=folder, help="a folder to follow, as a collection of its name (default: none)"
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> None:
    """Serves until interrupted. Raises SettingsError, IndexerError, GPTError."""
    from api import server
    from api.settings import load_settings

    server.run(load_settings(data_dir=args.data, host=args.host, port=args.port, watch=args.watch))
