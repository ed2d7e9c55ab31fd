"""A parser that does what its document's name says: the tests run it in a sandbox that has to hold it."""

from __future__ import annotations

import ctypes
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path

from indexer.errors import EmptyDocument, LoadError
from indexer.types import Extracted

OUT_FD = 3


def load(name: str, data: bytes) -> Extracted:
    """Behaves as `name`; a document of what it got away with is the answer if nothing stops it."""
    return Extracted(str(BEHAVIOURS[name](data)), name, "text/plain", (), ())


def compute_for_ever(_data: bytes) -> None:
    while True:
        pass


def wait_for_ever(_data: bytes) -> None:
    lock = threading.Lock()
    lock.acquire()
    lock.acquire()


def eat_memory(_data: bytes) -> int:
    return len([bytearray(1 << 20) for _ in range(100_000)])


def recurse(data: bytes) -> int:
    return recurse(data) + 1


def flood(_data: bytes) -> None:
    while True:
        os.write(OUT_FD, bytes(1 << 16))


def flood_text(_data: bytes) -> str:
    return "x" * (40 << 20)


def answer_garbage(_data: bytes) -> None:
    os.write(OUT_FD, b"DOC3" + bytes(range(200)))
    os._exit(0)


def answer_nothing(_data: bytes) -> None:
    os._exit(0)


def answer_nested(_data: bytes) -> None:
    head = b"[" * 100_000
    os.write(OUT_FD, b"DOC3" + len(head).to_bytes(8, "little") + bytes(16) + head)
    os._exit(0)


def segfault(_data: bytes) -> None:
    ctypes.string_at(0)


def abort(_data: bytes) -> None:
    os.abort()


def ignore_the_clock(data: bytes) -> None:
    signal.signal(signal.SIGXCPU, signal.SIG_IGN)
    compute_for_ever(data)


def fork_bomb(_data: bytes) -> None:
    while True:
        os.fork()


def start_threads(_data: bytes) -> None:
    while True:
        threading.Thread(target=time.sleep, args=(60,), daemon=True).start()


def connect(family: int, kind: int, address: object) -> None:
    with socket.socket(family, kind) as there:
        there.connect(address)
        there.send(b"stolen")


def receive_own_input(_data: bytes) -> bytes:
    return os.read(OUT_FD, 10)


BEHAVIOURS: dict[str, Callable[[bytes], object]] = {
    "compute for ever": compute_for_ever,
    "wait for ever": wait_for_ever,
    "eat memory": eat_memory,
    "recurse": recurse,
    "flood": flood,
    "flood text": flood_text,
    "answer garbage": answer_garbage,
    "answer nothing": answer_nothing,
    "answer nested": answer_nested,
    "segfault": segfault,
    "abort": abort,
    "ignore the clock": ignore_the_clock,
    "fork bomb": fork_bomb,
    "start threads": start_threads,
    "read passwd": lambda _: Path("/etc/passwd").read_text(),
    "read own source": lambda _: Path(__file__).read_text(),
    "list root": lambda _: os.listdir("/"),
    "look at passwd": lambda _: os.stat("/etc/passwd"),
    "write file": lambda data: Path(data.decode()).write_text("stolen"),
    "make folder": lambda data: os.mkdir(data),
    "delete file": lambda data: os.remove(data),
    "change mode": lambda data: os.chmod(data, 0o777),
    "link file": lambda data: os.link("/etc/passwd", data),
    "make pipe": lambda _: os.pipe(),
    "make memory file": lambda _: os.memfd_create("x"),
    "tcp": lambda _: connect(socket.AF_INET, socket.SOCK_STREAM, ("127.0.0.1", 9)),
    "udp": lambda _: connect(socket.AF_INET, socket.SOCK_DGRAM, ("127.0.0.1", 9)),
    "unix socket": lambda data: connect(socket.AF_UNIX, socket.SOCK_STREAM, data.decode()),
    "abstract socket": lambda data: connect(socket.AF_UNIX, socket.SOCK_STREAM, "\0" + data.decode()),
    "fetch": lambda _: urllib.request.urlopen("http://localhost/").read(),
    "look up a name": lambda _: socket.gethostbyname("example.org"),
    "start a program": lambda _: subprocess.run([sys.executable, "-c", "1"], check=True),
    "become a program": lambda _: os.execv("/bin/sh", ["sh", "-c", "true"]),
    "kill its parent": lambda _: os.kill(os.getppid(), signal.SIGKILL),
    "stop everyone": lambda _: os.kill(-1, signal.SIGSTOP),
    "trace its parent": lambda _: trace(os.getppid()),
    "raise its limits": lambda _: raise_limits(),
    "leave the walls": lambda _: leave_walls(),
    "read descriptors": lambda _: [fd for fd in range(4096) if is_open(fd)],
    "read input twice": receive_own_input,
    "refuse": lambda _: refuse(LoadError("no,\nnot\x1b[31m this " + "x" * 10_000)),
    "refuse as empty": lambda _: refuse(EmptyDocument("holds no text")),
    "fail": lambda _: refuse(KeyError("page\n1")),
    "leave": lambda _: sys.exit(3),
    "half characters": lambda _: "\ud800",
    "work": lambda data: data.decode(),
}
"""What a document's name makes the parser do."""


def trace(pid: int) -> int:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.ptrace(16, pid, 0, 0):
        raise OSError(ctypes.get_errno(), "not traced")
    return pid


def raise_limits() -> None:
    import resource

    resource.setrlimit(resource.RLIMIT_NOFILE, (100, 100))


def leave_walls() -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(22, 0, 0, 0, 0):
        raise OSError(ctypes.get_errno(), "still filtered")


def is_open(fd: int) -> bool:
    try:
        os.lseek(fd, 0, os.SEEK_CUR)
    except OSError as error:
        return error.strerror != "Bad file descriptor"
    return True


def refuse(error: Exception) -> None:
    raise error
