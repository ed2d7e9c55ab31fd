"""Where synchronous becomes asynchronous: the pipeline's events, one step at a time in a worker thread; and their
form on the wire, server-sent events (HTML living standard, section 9.2).
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Generator, Iterator
from contextlib import aclosing
from typing import TypeVar

import anyio
from anyio import to_thread
from starlette.responses import StreamingResponse
from starlette.types import Send

T = TypeVar("T")
_END = object()


async def iterate(items: Iterator[T], limiter: anyio.CapacityLimiter) -> AsyncGenerator[T]:
    """The items, each made in a worker thread; `limiter` bounds how many are being made at once.

    When the consumer goes away the step in hand ends, no other begins, and the iterator is closed.
    """
    steps = _owned(items)
    try:
        while (item := await to_thread.run_sync(next, steps, _END, limiter=limiter)) is not _END:
            yield item  # type: ignore[misc]  # not the end mark, so an item
    finally:
        with anyio.CancelScope(shield=True):
            await to_thread.run_sync(steps.close)


def _owned(items: Iterator[T]) -> Generator[T]:
    """A generator over `items`: closing it closes them, if they are a generator themselves."""
    yield from items


def encode(event: str, data: str) -> bytes:
    """One server-sent event; `data` is JSON on one line."""
    return f"event: {event}\ndata: {data}\n\n".encode()


class EventStream(StreamingResponse):
    """A response of server-sent events; `chunks` is closed when the client goes away."""

    media_type = "text/event-stream"

    def __init__(self, chunks: AsyncGenerator[bytes]) -> None:
        super().__init__(chunks, headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"})
        self._chunks = chunks

    async def stream_response(self, send: Send) -> None:
        # Starlette drops the stream of a client that went away; left alone, it would be closed at some later time.
        async with aclosing(self._chunks):
            await super().stream_response(send)
