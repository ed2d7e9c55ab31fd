"""A few dozen lines that write zip archives for the tests, truthful or not: sizes, names, methods and places may lie."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass

STORED, DEFLATED = 0, 8
ENCRYPTED, IN_UTF8 = 0x1, 0x800  # of the general purpose flags


@dataclass(frozen=True)
class Entry:
    """One file in an archive; `says_size` and `says_crc` are what its headers claim where that is not the truth.

    `at` puts the directory's entry on another one's local header, by number; `mode` is the Unix file mode.
    """

    name: str
    data: bytes = b""
    method: int = DEFLATED
    flags: int = IN_UTF8
    says_size: int | None = None
    says_packed: int | None = None
    says_crc: int | None = None
    at: int | None = None
    mode: int = 0o100644
    packed: bytes | None = None  # what stands in the file for the data, where `method` did not make it


def write_zip(entries: Sequence[Entry], *, says_entries: int | None = None) -> bytes:
    """The bytes of an archive in the classic form of APPNOTE 6.3 (no zip64)."""
    out, offsets, directory = bytearray(), [], bytearray()
    for entry in entries:
        offsets.append(len(out))
        packed = pack(entry)
        if entry.at is None:
            name = entry.name.encode()
            out += struct.pack("<4s5H3L2H", b"PK\x03\x04", 20, *_shared(entry, packed), len(name), 0) + name + packed
        at = offsets[-1] if entry.at is None else offsets[entry.at]
        directory += _record(entry, packed, at)
    n = (says_entries if says_entries is not None else len(entries)) & 0xFFFF
    end = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, n, n, len(directory), len(out), 0)
    return bytes(out + directory + end)


def pack(entry: Entry) -> bytes:
    """The entry's data as its method stores it."""
    if entry.packed is not None or entry.method != DEFLATED:
        return entry.packed or entry.data
    squeezer = zlib.compressobj(9, zlib.DEFLATED, -15)
    return squeezer.compress(entry.data) + squeezer.flush()


def deflated(piece: bytes, times: int) -> bytes:
    """A raw deflate stream of `piece` so many times; the piece is compressed once."""
    squeezer = zlib.compressobj(9, zlib.DEFLATED, -15)
    return (squeezer.compress(piece) + squeezer.flush(zlib.Z_FULL_FLUSH)) * times + b"\x03\x00"


def _record(entry: Entry, packed: bytes, at: int) -> bytes:
    name = entry.name.encode()
    head = struct.pack("<4s6H3L5H2L", b"PK\x01\x02", 0x314, 20, *_shared(entry, packed), len(name), 0, 0, 0, 0,
                       entry.mode << 16, at)  # fmt: skip
    return head + name


def _shared(entry: Entry, packed: bytes) -> tuple[int, ...]:
    """What local header and directory both state: flags, method, time, date, CRC, packed and real size."""
    crc = zlib.crc32(entry.data) if entry.says_crc is None else entry.says_crc
    size = len(entry.data) if entry.says_size is None else entry.says_size
    n_packed = len(packed) if entry.says_packed is None else entry.says_packed
    return entry.flags, entry.method, 0, 0x21, crc, n_packed, size
