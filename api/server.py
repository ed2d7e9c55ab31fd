"""Runs the service: one process, one address, until it is told to stop."""

from __future__ import annotations

import logging
import socket

import uvicorn

from api.app import create_app
from api.service import Service
from api.settings import Settings

BACKLOG = 128
OURS = ("api", "rag", "indexer", "gpt")
GRACE_S = 10  # for streams that are open when the service is told to stop

logger = logging.getLogger(__name__)


class ServerError(OSError):
    """The service cannot listen where it should; the message names the address and the remedy."""


class Server(uvicorn.Server):
    """Ends the upload jobs first when it stops, so that nobody follows one that no longer goes on."""

    def __init__(self, config: uvicorn.Config, service: Service) -> None:
        super().__init__(config)
        self._service = service

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._service.jobs.stop()
        await super().shutdown(sockets)


def run(settings: Settings) -> None:
    """Serves until SIGINT or SIGTERM.

    Raises ServerError before anything is loaded when the address cannot be had, and the error of the index or the
    model when that cannot be loaded.
    """
    listener = listen(settings.host, settings.port)
    start_logging(settings.log_level)
    app = create_app(settings)
    service: Service = app.state.service
    config = uvicorn.Config(
        app,
        log_config=None,  # `start_logging` has seen to it
        access_log=settings.log_level == "debug",
        server_header=False,
        timeout_graceful_shutdown=GRACE_S,
    )
    server = Server(config, service)

    def stop() -> None:
        server.should_exit = True

    service.failed = stop
    logger.info("studygpt is at %s - open it in a browser; Ctrl-C stops it", address(listener))
    with listener:
        server.run(sockets=[listener])
    if service.failure is not None:
        raise service.failure


def start_logging(level: str) -> None:
    """Logs to stderr: our own packages from `level` on, libraries from warnings on; with debug also every request."""
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    for name in OURS:
        logging.getLogger(name).setLevel(level.upper())
    if level == "debug":
        logging.getLogger("uvicorn").setLevel(logging.INFO)


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens at the address; port 0 means any free one. Raises ServerError."""
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
    except socket.gaierror as error:
        raise ServerError(f"{host!r} is no address of this machine; choose another with --host") from error
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        reason = error.strerror or str(error)
        raise ServerError(f"cannot listen on {host}:{port} ({reason}); choose another with --port") from error
    return listener


def address(listener: socket.socket) -> str:
    """The URL of a listening socket, as one would type it on this machine."""
    host, port = listener.getsockname()[:2]
    shown = {"0.0.0.0": "localhost", "::": "localhost"}.get(host, f"[{host}]" if ":" in host else host)
    return f"http://{shown}:{port}"
