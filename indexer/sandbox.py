"""Untrusted parsing: each document in a process of its own that can do nothing but parse it.

`Sandbox.load` is `indexer.loaders.load` behind walls. A document that hangs its parser, crashes it or makes it grow
ends as a LoadError that says so. What keeps the process in, from the strongest:

- Linux on x86-64 or ARM: a filter of system calls (`indexer.seccomp`) leaves it no file, socket or process to make;
- Linux from 5.13: Landlock takes its rights on files, on TCP (6.7) and to signal others (6.12);
- everywhere: limits on its processor time, wall-clock time, answer, open files and files written (none), and on Linux
  memory. On macOS these limits are all there is: there it could read files and use the network.
"""

from __future__ import annotations

import json
import math
import os
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Protocol

from indexer import errors
from indexer.errors import LoadError, ParserUnavailable
from indexer.sandbox_child import MEMORY, NAME, STATUS, TROUBLE, Request, Walls
from indexer.types import Extracted
from indexer.wire import Garbled, decode

_MIB = 1 << 20
_START_S = 60  # to import the parsers, on a machine that is busy
_PIECE_BYTES = 1 << 20
_LOOK_UP_S = 0.2  # between looks at whether the document was given up
# `indexer/__init__.py` brings numpy, FAISS and SQLite, which start threads and have no business in a parser.
_PROGRAM = """\
import sys, types
package = types.ModuleType("indexer")
package.__path__ = [sys.argv[1]]
sys.modules["indexer"] = package
from indexer.sandbox_child import main
main(int(sys.argv[2]), sys.argv[3])
"""


@dataclass(frozen=True, slots=True)
class Limits:
    """What one document may cost: so much, and so much more for each byte (MiB for time) of the file.

    Processor time ends what computes for ever; wall-clock time is far longer, for machines that are busy.
    """

    memory_mib: int = 1024
    cpu_s: int = 60
    wall_s: int = 900
    answer_mib: int = 64
    memory_per_byte: int = 8
    answer_per_byte: int = 24
    seconds_per_mib: int = 5

    def request(self, size_bytes: int) -> Request:
        """The limits of a process that parses a file of that size."""
        more_s = math.ceil(size_bytes / _MIB) * self.seconds_per_mib if size_bytes > _MIB else 0
        memory_bytes = self.memory_mib * _MIB + self.memory_per_byte * size_bytes
        return Request(memory_bytes, self.cpu_s + more_s, self.wall_s + more_s)

    def answer_bytes(self, size_bytes: int) -> int:
        """The longest answer that is listened to."""
        return self.answer_mib * _MIB + self.answer_per_byte * size_bytes


class Loading(Protocol):
    """What the indexer asks of whoever turns a file's bytes into a document; raises LoadError.

    Once `given_up` is set nobody waits for the document any more.
    """

    def load(self, name: str, data: bytes, given_up: threading.Event | None = None) -> Extracted: ...


class Sandbox:
    """Starts parser processes when documents come; thread-safe, one process a call. Close it.

    `parser` is the function to call there, as "module:name", from (name, bytes) to Extracted.
    """

    def __init__(self, limits: Limits | None = None, parser: str = "indexer.loaders:load") -> None:
        self.limits = limits or Limits()
        self._parser = parser
        self._nursery: _Nursery | None = None
        self._lock = threading.Lock()
        self._closed = False

    def start(self) -> None:
        """Begins to start the parent of the parsers, which takes tenths of a second, and returns at once."""
        with self._lock:
            self._started()

    @property
    def walls(self) -> Walls:
        """What keeps a parser in on this machine. Raises ParserUnavailable."""
        with self._lock:
            nursery = self._started()
        return nursery.walls()

    def load(self, name: str, data: bytes, given_up: threading.Event | None = None) -> Extracted:
        """The document in `data`, read as the suffix of `name` says.

        Raises LoadError, also for a parser that failed, and ParserUnavailable when none can be started.
        """
        document = _Document(name, data, self.limits, given_up or threading.Event())
        for _ in range(2):  # a parent that was killed from outside is replaced once
            with self._lock:
                nursery = self._started()
            try:
                return document.parsed(nursery)
            except _NurseryGone:
                self._drop(nursery)
        raise LoadError("its parser process was killed from outside; index it again")

    def close(self) -> None:
        """Kills what is still parsing. A second call does nothing."""
        with self._lock:
            self._closed = True
            if self._nursery is not None:
                self._nursery.close()
                self._nursery = None

    def _started(self) -> _Nursery:
        if self._closed:
            raise ParserUnavailable("the parsers were stopped; open the index again")
        if self._nursery is None:
            self._nursery = _Nursery(self._parser)
        return self._nursery

    def _drop(self, nursery: _Nursery) -> None:
        with self._lock:
            if self._nursery is nursery:
                nursery.close()
                self._nursery = None


@cache
def shared() -> Sandbox:
    """The one sandbox that a process needs; its processes end with the process."""
    return Sandbox()


class _NurseryGone(Exception):
    """The parent of the parsers does not answer any more."""


class _TimedOut(Exception):
    """The wall-clock time of a document is over."""


class _TooLong(Exception):
    """The answer is longer than a document's may be."""


class _Nursery:
    """The running parent of the parsers (`indexer.sandbox_child`)."""

    def __init__(self, parser: str) -> None:
        self._control, theirs = socket.socketpair()
        self._lock = threading.Lock()
        self._walls: Walls | None = None
        arguments = [str(Path(__file__).parent), str(theirs.fileno()), parser]
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-c", _PROGRAM, *arguments],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env={"PYTHONPATH": os.pathsep.join(path for path in sys.path if path), "OMP_NUM_THREADS": "1"},
                pass_fds=[theirs.fileno()],
                start_new_session=True,  # Ctrl-C is for us
            )

    def walls(self) -> Walls:
        """What keeps the parsers in; waits until the parent has started. Raises ParserUnavailable."""
        with self._lock:
            if self._walls is None:
                hello = json.loads(self._hello())
                if "failed" in hello:
                    raise ParserUnavailable(f"the parsers cannot be started: {hello['failed']}")
                self._walls = Walls(hello["seccomp"], hello["landlock"])
            return self._walls

    def request(self, request: Request, fds: Sequence[int]) -> None:
        """Asks for a child with these descriptors. Raises _NurseryGone."""
        self.walls()
        try:
            with self._lock:
                socket.send_fds(self._control, [request.packed()], fds)
        except OSError as error:
            raise _NurseryGone from error

    def close(self) -> None:
        """Ends it, and with it all its children."""
        self._control.close()
        try:
            self._process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _hello(self) -> bytes:
        self._control.settimeout(_START_S)
        hello = b""
        try:
            while not hello.endswith(b"\n"):
                hello += (piece := self._control.recv(4096))
                if not piece:
                    raise ParserUnavailable("the parsers cannot be started: their parent process ended at once")
            self._control.settimeout(None)
        except OSError as error:
            raise ParserUnavailable(f"the parsers cannot be started within {_START_S} s: {error}") from error
        return hello


@dataclass(frozen=True, slots=True)
class _Document:
    """One document on its way through a parser process."""

    name: str
    data: bytes
    limits: Limits
    given_up: threading.Event

    def parsed(self, nursery: _Nursery) -> Extracted:
        """The document. Raises LoadError, _NurseryGone, ParserUnavailable."""
        request = self.limits.request(len(self.data))
        deadline = time.monotonic() + request.wall_s
        ours, theirs = socket.socketpair()
        ended, ends = os.pipe()
        try:
            with ours:
                try:
                    nursery.request(request, [theirs.fileno(), ends])
                finally:
                    theirs.close()
                    os.close(ends)
                answer = self._converse(ours, deadline)
            status = self._status(ended, deadline)
        except _TimedOut as error:
            raise LoadError(f"its parser timed out after {request.wall_s} s") from error
        except _TooLong as error:
            limit = self.limits.answer_bytes(len(self.data)) >> 20
            raise LoadError(f"the text in it exceeds {limit} MiB, too much for a file of its size") from error
        finally:
            os.close(ended)  # a child that still lives is killed now
        return _document(answer, status, request)

    def _converse(self, ours: socket.socket, deadline: float) -> bytearray:
        """Sends name and bytes and receives the answer, whichever way the child is ready for."""
        name = self.name.encode("utf-8", "replace")
        unsent = [memoryview(self.data), memoryview(NAME.pack(len(name)) + name)]
        limit = self.limits.answer_bytes(len(self.data))
        answer = bytearray()
        ours.setblocking(False)
        poll = select.poll()
        poll.register(ours, select.POLLIN | select.POLLOUT)
        while True:
            events = self._wait(poll, deadline)
            if unsent and events & select.POLLOUT and not _send(ours, unsent):
                poll.modify(ours, select.POLLIN)
            if events & ~select.POLLOUT:
                piece = _receive(ours)
                if not piece:
                    return answer
                answer += piece
                if len(answer) > limit:
                    raise _TooLong

    def _status(self, ended: int, deadline: float) -> int:
        """The wait status of the child. Raises _TimedOut, or _NurseryGone when nobody is left to tell it."""
        poll = select.poll()
        poll.register(ended, select.POLLIN)
        self._wait(poll, deadline)
        told = os.read(ended, STATUS.size)
        if len(told) != STATUS.size:
            raise _NurseryGone
        return int(STATUS.unpack(told)[0])

    def _wait(self, poll: select.poll, deadline: float) -> int:
        """The next event on the one descriptor that is polled. Raises _TimedOut, and LoadError when given up."""
        while not self.given_up.is_set():
            left_s = deadline - time.monotonic()
            events = poll.poll(math.ceil(min(max(0.0, left_s), _LOOK_UP_S) * 1000))
            if events:
                return events[0][1]
            if left_s <= 0:
                raise _TimedOut
        raise LoadError("its parsing was given up")


def _document(answer: bytearray, status: int, request: Request) -> Extracted:
    """What the child said, if how it ended bears it out. Raises LoadError."""
    if os.WIFSIGNALED(status):
        raise LoadError(_death(os.WTERMSIG(status), request))
    try:
        said = decode(answer)
    except Garbled as error:
        raise LoadError("its parser stopped without a proper answer") from error
    if isinstance(said, Extracted):
        return said
    kind, reason = said
    if kind == MEMORY:
        raise LoadError(f"its parser exceeded {request.memory_bytes >> 20} MiB of memory")
    if kind == TROUBLE:
        raise LoadError(f"its parser failed ({reason})")
    raise _load_error(kind)(reason)


def _death(number: int, request: Request) -> str:
    if number == signal.SIGXCPU:
        return f"its parser timed out after {request.cpu_s} s of processor time"
    if number == signal.SIGALRM:
        return f"its parser timed out after {request.wall_s} s"
    if number == signal.SIGKILL:
        return f"its parser was killed, for want of memory or after {request.cpu_s} s of processor time"
    name = signal.Signals(number).name if number in set(signal.Signals) else "unknown"
    return f"its parser crashed with signal {number} ({name})"


def _load_error(name: str) -> type[LoadError]:
    """The class of that name below LoadError; LoadError for any other."""
    kind = getattr(errors, name, LoadError)
    return kind if isinstance(kind, type) and issubclass(kind, LoadError) else LoadError


def _send(ours: socket.socket, unsent: list[memoryview]) -> bool:
    """Sends what can be sent of the last piece; False when nothing is left, or the child has hung up."""
    try:
        sent = ours.send(unsent[-1][:_PIECE_BYTES])
    except BlockingIOError:
        return True
    except (BrokenPipeError, ConnectionResetError):
        unsent.clear()
        return False
    unsent[-1] = unsent[-1][sent:]
    if not unsent[-1]:
        unsent.pop()
    if not unsent:
        ours.shutdown(socket.SHUT_WR)
    return bool(unsent)


def _receive(ours: socket.socket) -> bytes | None:
    """A piece of the answer; empty at its end."""
    try:
        return ours.recv(_PIECE_BYTES)
    except ConnectionResetError:  # it ended without having read everything
        return b""
