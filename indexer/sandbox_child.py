"""The parent of the parser processes: small, with one thread and every parser loaded, it forks one a document.

It is started by `indexer.sandbox` as a program of its own, with a socket as its only open file besides 0, 1 and 2. A
request there is a Request and two descriptors: the document's socket and the write end of a pipe. The forked child
gives up its rights, reads the name and the bytes from the document's socket, answers on it (`indexer.wire`) and ends;
its wait status goes to the pipe. Who closes the pipe's other end wants the child dead.
"""

from __future__ import annotations

import contextlib
import encodings
import gc
import importlib
import json
import os
import pkgutil
import resource
import select
import signal
import socket
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import ModuleType
from typing import ClassVar, NoReturn

from indexer import landlock, seccomp
from indexer.errors import LoadError
from indexer.types import Extracted
from indexer.wire import encode, encode_refusal, one_line

Parse = Callable[[str, bytes], Extracted]

NAME = struct.Struct("<I")  # length of the name in UTF-8, which begins what a child reads
STATUS = struct.Struct("<i")
MEMORY = "memory"
TROUBLE = "trouble"
_NICE = 15  # questions come before documents; a thirtieth of the weight of what answers them
_READ_BYTES = 1 << 20
# What the standard library imports when it first comes to need it.
_LATE = (
    "_strptime",
    "bisect",
    "copy",
    "heapq",
    "linecache",
    "string",
    "traceback",
    "tracemalloc",
    "unicodedata",
    "warnings",
)
_DOCUMENT_FD = 3


@dataclass(frozen=True, slots=True)
class Request:
    """The limits of one parser process."""

    memory_bytes: int
    cpu_s: int
    wall_s: int

    FORM: ClassVar[struct.Struct] = struct.Struct("<QII")

    def packed(self) -> bytes:
        """As it goes over the socket."""
        return self.FORM.pack(self.memory_bytes, self.cpu_s, self.wall_s)


@dataclass(frozen=True, slots=True)
class Walls:
    """What this machine has to keep a process in: a filter of system calls, and a version of Landlock (0: none)."""

    seccomp: bool
    landlock: int


def main(control_fd: int, parser: str) -> None:
    """Serves requests on the socket until it is closed; `parser` is a function as "module:name"."""
    with socket.socket(fileno=control_fd) as control:
        try:
            module, _, name = parser.partition(":")
            parsers = importlib.import_module(module)
            parse: Parse = getattr(parsers, name)
            load_the_rest(parsers, parse)
            walls = probe()
        except BaseException as error:
            control.sendall(_line({"failed": one_line(f"{type(error).__name__}: {error}")}))
            raise
        os.nice(_NICE)
        _tell_kernel("autogroup", str(_NICE))  # where sessions are groups, niceness counts within one alone
        _tell_kernel("oom_score_adj", "1000")  # when memory runs out, the system ends the largest of these first
        gc.collect()
        gc.set_threshold(50_000)  # children live shortly
        gc.freeze()  # what is loaded is not looked at, so not copied, by a child's garbage collector
        control.sendall(_line({"seccomp": walls.seccomp, "landlock": walls.landlock}))
        Nursery(control, parse, walls).serve()


def _tell_kernel(name: str, value: str) -> None:
    """Writes a setting of this process, where the system has it."""
    with contextlib.suppress(OSError), open(f"/proc/self/{name}", "w", encoding="ascii") as file:
        file.write(value)


def load_the_rest(parsers: ModuleType, parse: Parse) -> None:
    """Imports what a child would import only when a document asks for it, for a child can open no file."""
    for name in _LATE:
        importlib.import_module(name)
    for encoding in pkgutil.iter_modules(encodings.__path__):
        with contextlib.suppress(ImportError):  # those of Windows
            importlib.import_module(f"encodings.{encoding.name}")
    for suffix in getattr(parsers, "SUFFIXES", ()):
        with contextlib.suppress(LoadError):
            parse(f"words{suffix}", b"words")


def probe() -> Walls:
    """The walls that hold here, each tried in a process of its own: some containers have the calls but refuse them."""
    abi = landlock.version()
    return Walls(
        seccomp=seccomp.available() and _works(seccomp.restrict),
        landlock=abi if abi and _works(lambda: landlock.restrict(abi)) else 0,
    )


def _works(restrict: Callable[[], None]) -> bool:
    pid = os.fork()
    if pid == 0:
        try:
            restrict()
            os._exit(0)
        finally:
            os._exit(1)
    return os.waitpid(pid, 0)[1] == 0


class Nursery:
    """Starts children on request, ends those that are given up, and tells how each ended."""

    def __init__(self, control: socket.socket, parse: Parse, walls: Walls) -> None:
        self._control = control
        self._parse = parse
        self._walls = walls
        self._pids: dict[int, int] = {}  # by the pipe that waits for the status
        self._poll = select.poll()
        self._woken, wake = os.pipe()
        for fd in (self._woken, wake):
            os.set_blocking(fd, False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(wake, warn_on_full_buffer=False)

    def serve(self) -> None:
        """Until the control socket is closed at its other end; children still at work are killed then."""
        self._poll.register(self._control, select.POLLIN)
        self._poll.register(self._woken, select.POLLIN)
        while True:
            for fd, _ in self._poll.poll():
                if fd == self._woken:
                    self._reap()
                elif fd != self._control.fileno():
                    self._kill(fd)
                elif not self._take():
                    for pid in self._pids.values():
                        os.kill(pid, signal.SIGKILL)
                    return

    def _take(self) -> bool:
        """One request; False when there will be none any more."""
        message, fds, _, _ = socket.recv_fds(self._control, Request.FORM.size, 2)
        if len(message) != Request.FORM.size or len(fds) != 2:
            return False
        document, status = fds
        request = Request(*Request.FORM.unpack(message))
        with contextlib.suppress(OSError):  # no process to be had; the pipe, closed without a status, tells
            pid = os.fork()
            if pid == 0:
                run_child(document, request, self._parse, self._walls)
            self._pids[status] = pid
            self._poll.register(status, 0)  # tells only that the other end is closed
        os.close(document)
        if status not in self._pids:
            os.close(status)
        return True

    def _kill(self, status: int) -> None:
        self._poll.unregister(status)
        os.kill(self._pids[status], signal.SIGKILL)

    def _reap(self) -> None:
        with contextlib.suppress(BlockingIOError):
            os.read(self._woken, 4096)
        for status, pid in list(self._pids.items()):
            done, how = os.waitpid(pid, os.WNOHANG)
            if done:
                del self._pids[status]
                with contextlib.suppress(KeyError):  # it was killed
                    self._poll.unregister(status)
                with contextlib.suppress(BrokenPipeError):
                    os.write(status, STATUS.pack(how))
                os.close(status)


def run_child(document: int, request: Request, parse: Parse, walls: Walls) -> NoReturn:
    """Lives one document: gives up every right, reads, parses, answers, ends."""
    try:
        give_up_rights(document, request, walls)
        _write_all(_DOCUMENT_FD, _answer(parse, _read_all(_DOCUMENT_FD)))
        os._exit(0)
    finally:
        os._exit(1)


def give_up_rights(document: int, request: Request, walls: Walls) -> None:
    """Keeps the document's socket, as descriptor 3, and what memory and time the request grants; nothing else."""
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    os.dup2(document, _DOCUMENT_FD)
    os.closerange(_DOCUMENT_FD + 1, max(resource.getrlimit(resource.RLIMIT_NOFILE)[0], document + 1))
    signal.alarm(request.wall_s + 1)  # nobody may be left to kill it
    _limit(resource.RLIMIT_AS, request.memory_bytes)
    _limit(resource.RLIMIT_CPU, request.cpu_s, 1)  # the first limit says why it ends, the second cannot be ignored
    for kind in (resource.RLIMIT_FSIZE, resource.RLIMIT_CORE, resource.RLIMIT_NPROC):
        _limit(kind, 0)
    if walls.landlock:
        landlock.restrict(walls.landlock)
    _limit(resource.RLIMIT_NOFILE, 0)
    if walls.seccomp:
        seccomp.restrict()


def _limit(kind: int, value: int, grace: int = 0) -> None:
    hard = resource.getrlimit(kind)[1]
    most = value + grace if hard == resource.RLIM_INFINITY else min(value + grace, hard)
    with contextlib.suppress(ValueError, OSError):  # macOS knows RLIMIT_AS but refuses it
        resource.setrlimit(kind, (min(value, most), most))


def _answer(parse: Parse, request: bytes) -> bytes:
    """The parser's answer, or why there is none."""
    (size,) = NAME.unpack_from(request)
    name, data = request[NAME.size : NAME.size + size].decode("utf-8"), request[NAME.size + size :]
    del request
    try:
        return encode(parse(name, data))
    except LoadError as error:
        return encode_refusal(type(error).__name__, str(error))
    except MemoryError:
        return encode_refusal(MEMORY, "")
    except RecursionError:
        return encode_refusal(LoadError.__name__, "nested too deeply")
    except BaseException as error:
        _write_all(_DOCUMENT_FD, encode_refusal(TROUBLE, f"{type(error).__name__}: {error}"))
        raise


def _read_all(fd: int) -> bytes:
    parts = []
    while part := os.read(fd, _READ_BYTES):
        parts.append(part)
    return b"".join(parts)


def _write_all(fd: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view[:_READ_BYTES]) :]


def _line(message: Mapping[str, object]) -> bytes:
    return json.dumps(message).encode("ascii") + b"\n"
