"""What stands before every route: whom the service answers, and how much it reads.

A page of another site can make a browser send requests to this service. Two checks keep it out: the Host header must
name this service (a foreign name that resolves to this machine, "DNS rebinding", does not), and a request that changes
something must not come from another origin. No cross-origin header is ever sent, so other sites cannot read answers.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.errors import APIError, ForeignOrigin, UnknownHost, UploadTooLarge, problem, respond

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
LOCAL_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})
EVERY_ADDRESS = frozenset({"0.0.0.0", "::"})
MIB = 1 << 20
FORM_OVERHEAD_BYTES = 64 << 10  # boundaries, part headers and the other fields around an uploaded file


def host_name(host_header: str) -> str:
    """The lower-case name in a Host header, without port and brackets; empty when it is malformed."""
    try:
        return urlsplit(f"//{host_header}").hostname or ""
    except ValueError:
        return ""


class HostPolicy:
    """Decides which host names are this service: the local ones, the one it listens on, and those configured.

    A service that listens on every address also answers to any literal address: rebinding needs a name.
    """

    def __init__(self, listens_on: str, also: Iterable[str] = ()) -> None:
        self._names = LOCAL_NAMES | {listens_on.lower()} | {name.lower() for name in also}
        self._any_literal = listens_on in EVERY_ADDRESS

    def admits(self, host_header: str) -> bool:
        """Whether a request with this Host header is meant for us."""
        name = host_name(host_header)
        return name in self._names or (self._any_literal and _is_address(name))


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def is_foreign(method: str, origin: str | None, host_header: str) -> bool:
    """Whether a request that changes something was sent by a page of another origin."""
    if method in SAFE_METHODS or origin is None:
        return False
    return origin.lower().partition("://")[2] != host_header.lower()


class Guard:
    """Refuses a request before it reaches a route, or lets it through with its body counted."""

    def __init__(self, app: ASGIApp, hosts: HostPolicy, max_upload_mb: int) -> None:
        self._app = app
        self._hosts = hosts
        self._max_upload_mb = max_upload_mb

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        limit, advice = self._body_limit(scope["path"])
        refusal = self._refusal(scope, limit, advice)
        if refusal is not None:
            await respond(problem(refusal))(scope, receive, send)
            return
        await self._app(scope, _counted(receive, limit, advice), send)

    def _body_limit(self, path: str) -> tuple[int, str]:
        """The most bytes a body may have, and what to say when it has more."""
        if path == "/v1/documents":
            advice = f"the upload is larger than the limit of {self._max_upload_mb} MiB; split the file"
            return self._max_upload_mb * MIB + FORM_OVERHEAD_BYTES, advice
        return MIB, "the request's body is larger than the limit of 1 MiB"

    def _refusal(self, scope: Scope, limit: int, advice: str) -> APIError | None:
        headers = Headers(scope=scope)
        host, origin = headers.get("host", ""), headers.get("origin")
        if not self._hosts.admits(host):
            return UnknownHost(
                f"this service does not answer to the host {host!r}; use localhost, or configure the name"
            )
        if is_foreign(scope["method"], origin, host):
            return ForeignOrigin(f"a page at {origin} may not change anything here")
        announced = headers.get("content-length", "")
        if announced.isascii() and announced.isdigit() and int(announced) > limit:
            return UploadTooLarge(advice)
        return None


def _counted(receive: Receive, limit: int, advice: str) -> Receive:
    """`receive` that fails with 413 once more than `limit` bytes have come, announced or not."""
    n_bytes = 0

    async def receive_counted() -> Message:
        nonlocal n_bytes
        message = await receive()
        n_bytes += len(message.get("body", b""))
        if n_bytes > limit:
            raise HTTPException(413, advice)
        return message

    return receive_counted
