"""A list of the system calls a parser may make; every other one fails with "operation not permitted" (Linux).

A filter in classic BPF (Linux, Documentation/userspace-api/seccomp_filter.rst): memory, reading and writing what is
open, signals to itself, clocks, leaving. So no file is opened, no socket or process made, no other one signalled.
"""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import struct
import sys
from collections.abc import Iterable
from functools import cache

_PR_SET_NO_NEW_PRIVS, _PR_GET_SECCOMP, _PR_SET_SECCOMP, _FILTER = 38, 21, 22, 2
_LOAD, _EQUAL, _RETURN = 0x20, 0x15, 0x06  # BPF_LD|BPF_W|BPF_ABS, BPF_JMP|BPF_JEQ|BPF_K, BPF_RET|BPF_K
_NUMBER, _ARCHITECTURE, _FIRST_ARGUMENT = 0, 4, 16  # offsets in struct seccomp_data
_ALLOW, _REFUSE, _KILL = 0x7FFF0000, 0x00050000 | errno.EPERM, 0x80000000

_ARCHITECTURES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
_TGKILL = {"x86_64": 234, "aarch64": 131}
_CALLS = {  # name: (x86_64, aarch64)
    "read": (0, 63), "write": (1, 64), "close": (3, 57), "fstat": (5, 80), "lseek": (8, 62),
    "pread64": (17, 67), "readv": (19, 65), "writev": (20, 66),
    "mmap": (9, 222), "mprotect": (10, 226), "munmap": (11, 215), "brk": (12, 214), "mremap": (25, 216),
    "madvise": (28, 233), "futex": (202, 98), "rseq": (334, 293), "sched_yield": (24, 124),
    "sched_getaffinity": (204, 123), "rt_sigaction": (13, 134), "rt_sigprocmask": (14, 135),
    "rt_sigreturn": (15, 139), "sigaltstack": (131, 132), "restart_syscall": (219, 128),
    "getpid": (39, 172), "gettid": (186, 178), "gettimeofday": (96, 169), "clock_gettime": (228, 113),
    "getrandom": (318, 278), "exit": (60, 93), "exit_group": (231, 94),
}  # fmt: skip


class _Program(ctypes.Structure):
    """struct sock_fprog."""

    _fields_ = (("length", ctypes.c_ushort), ("instructions", ctypes.c_char_p))


def available() -> bool:
    """Whether this kernel filters system calls, on a processor whose call numbers are known here."""
    if sys.platform != "linux" or platform.machine() not in _ARCHITECTURES:
        return False
    return _libc().prctl(_PR_GET_SECCOMP, 0, 0, 0, 0) >= 0


def restrict() -> None:
    """Puts the calling thread, for good, behind the filter. Raises OSError when the kernel refuses."""
    libc, machine = _libc(), platform.machine()
    code = program(machine, os.getpid())
    filters = _Program(len(code) // 8, code)
    refused = libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    if refused or libc.prctl(_PR_SET_SECCOMP, _FILTER, ctypes.addressof(filters), 0, 0):
        raise OSError(ctypes.get_errno(), "the system calls of a parser cannot be restricted")


def program(machine: str, pid: int) -> bytes:
    """The filter for a processor as BPF instructions of 8 bytes; `pid` is the one process that may be signalled."""
    column = list(_ARCHITECTURES).index(machine)
    numbers = [call[column] for call in _CALLS.values()]
    n = len(numbers)
    code = [
        (_LOAD, 0, 0, _ARCHITECTURE),
        (_EQUAL, 1, 0, _ARCHITECTURES[machine]),
        (_RETURN, 0, 0, _KILL),  # a call of another architecture has other numbers
        (_LOAD, 0, 0, _NUMBER),
        *((_EQUAL, n - i + 3, 0, number) for i, number in enumerate(numbers)),
        (_EQUAL, 0, 2, _TGKILL[machine]),  # abort() signals itself
        (_LOAD, 0, 0, _FIRST_ARGUMENT),
        (_EQUAL, 1, 0, pid),
        (_RETURN, 0, 0, _REFUSE),
        (_RETURN, 0, 0, _ALLOW),
    ]
    return _assembled(code)


def _assembled(code: Iterable[tuple[int, int, int, int]]) -> bytes:
    return b"".join(struct.pack("=HBBI", *instruction) for instruction in code)


@cache
def _libc() -> ctypes.CDLL:
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl.argtypes = (ctypes.c_int, *[ctypes.c_ulong] * 4)
    return libc
