"""Landlock by system calls (Linux 5.13): no file, no TCP, no signal or abstract socket out of the process.

A ruleset that handles every right and grants none. What a kernel has depends on its version of the interface
(Linux, Documentation/userspace-api/landlock.rst): files from 1, truncation 3, TCP 4, devices 5, signals 6.
"""

from __future__ import annotations

import ctypes
import os
import struct
import sys
from functools import cache

_PR_SET_NO_NEW_PRIVS = 38
_CREATE_RULESET, _RESTRICT_SELF = 444, 446  # the same on every architecture
_ASK_VERSION = 1
_FILE_RIGHTS = {1: 13, 2: 14, 3: 15, 5: 16}  # version from which the lowest so many bits are known
_TCP_FROM, _TCP_RIGHTS = 4, 0b11  # bind, connect
_SCOPES_FROM, _SCOPES = 6, 0b11  # abstract sockets, signals


def version() -> int:
    """The version of the interface that this kernel has; 0 for none."""
    if sys.platform != "linux":
        return 0
    return max(0, int(_libc().syscall(_CREATE_RULESET, None, ctypes.c_size_t(0), _ASK_VERSION)))


def restrict(abi: int) -> None:
    """Takes every right that version `abi` (from 1) knows from the calling thread. Raises OSError."""
    libc, attributes = _libc(), ruleset(abi)
    if libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0):
        raise OSError(ctypes.get_errno(), "the rights of a parser cannot be restricted")
    fd = libc.syscall(_CREATE_RULESET, attributes, ctypes.c_size_t(len(attributes)), 0)
    if fd < 0:
        raise OSError(ctypes.get_errno(), "no Landlock ruleset can be made")
    try:
        if libc.syscall(_RESTRICT_SELF, fd, 0):
            raise OSError(ctypes.get_errno(), "the rights of a parser cannot be restricted")
    finally:
        os.close(fd)


def ruleset(abi: int) -> bytes:
    """struct landlock_ruleset_attr as version `abi` knows it: rights on files, on TCP, scopes."""
    n_bits = max(bits for since, bits in _FILE_RIGHTS.items() if since <= abi)
    fields = [(1 << n_bits) - 1]
    if abi >= _TCP_FROM:
        fields.append(_TCP_RIGHTS)
    if abi >= _SCOPES_FROM:
        fields.append(_SCOPES)
    return struct.pack(f"={len(fields)}Q", *fields)


@cache
def _libc() -> ctypes.CDLL:
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl.argtypes = (ctypes.c_int, *[ctypes.c_ulong] * 4)
    libc.syscall.restype = ctypes.c_long
    return libc
