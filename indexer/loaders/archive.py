"""Zip archives of untrusted origin: every claim of the headers is checked, and output is counted as it is made.

Nothing is unpacked to files and no archive inside an archive is opened. The standard library's reader is not used: it
believes the sizes that headers state, and older versions accept entries that overlap. Format: PKWARE APPNOTE 6.3.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise

from lxml import etree

from indexer.errors import EmptyDocument, LoadError

MAX_ENTRIES = 10_000  # a book of pictures has some thousands
MAX_ENTRY_BYTES = 64 << 20
MAX_TOTAL_BYTES = 256 << 20  # of all the entries that are read
MAX_RATIO = 200  # output to input; prose and XML reach 5 to 60
_RATIO_FROM = 1 << 20  # bytes of output; below, a high ratio harms nobody
_MAX_NAME_BYTES = 1000

_LOCAL = struct.Struct("<4s5H3L2H")
_RECORD = struct.Struct("<4s6H3L5H2L")
_END = struct.Struct("<4s4H2LH")
_MAX_COMMENT = 0xFFFF
_STORED, _DEFLATED = 0, 8
_ENCRYPTED = 0x1 | 0x40
_UTF8 = 0x800
_ZIP64 = 0xFFFFFFFF
_LINK, _TYPE_MASK = 0o120000, 0o170000


@dataclass(frozen=True, slots=True)
class Entry:
    """One file of an archive as its directory describes it; sizes are in bytes, `offset` is its local header's."""

    name: str
    name_size: int
    method: int
    crc: int
    packed_size: int
    size: int
    offset: int
    encrypted: bool


class Archive:
    """A zip archive in memory whose directory has been checked; `read` gives the bytes of one entry."""

    def __init__(self, data: bytes) -> None:
        """Raises EmptyDocument for no bytes, LoadError for an archive that is damaged, oversize or made to harm."""
        if not data.strip():
            raise EmptyDocument("the file is empty")
        self._data = data
        self._bytes_left = MAX_TOTAL_BYTES
        start, n_entries = _directory(data)
        self._entries: dict[str, Entry] = {}
        for entry in _entries(data, start, n_entries):
            _check_name(entry.name)
            if entry.name in self._entries:
                raise LoadError(f"the archive holds {entry.name!r} twice: save the document again")
            self._entries[entry.name] = entry
        _check_apart(self._entries.values(), start)

    def __contains__(self, name: str) -> bool:
        return name in self._entries

    def read(self, name: str) -> bytes:
        """The bytes of an entry, its checksum verified. Raises LoadError, also for a name that is not there."""
        if name not in self._entries:
            raise LoadError(f"the archive has no {name!r}: it is no document of this kind, or it is damaged")
        entry = self._entries[name]
        if entry.encrypted:
            raise LoadError("the archive is encrypted: save a copy without its password")
        _check_size(entry)
        if entry.size > self._bytes_left:
            raise LoadError(f"the archive's files grow beyond {MAX_TOTAL_BYTES >> 20} MiB")
        self._bytes_left -= entry.size
        body = _inflated(entry, self._packed(entry))
        if zlib.crc32(body) != entry.crc:
            raise LoadError(f"the archive is damaged: the checksum of {name!r} is wrong")
        return body

    def _packed(self, entry: Entry) -> memoryview:
        try:
            magic, *_, name_size, extra_size = _LOCAL.unpack_from(self._data, entry.offset)
        except struct.error as error:
            raise _truncated() from error
        start = entry.offset + _LOCAL.size + name_size + extra_size
        if magic != b"PK\x03\x04" or start + entry.packed_size > len(self._data):
            raise _truncated()
        return memoryview(self._data)[start : start + entry.packed_size]


def parse_xml(body: bytes, name: str) -> etree._Element:
    """The root of an XML part of an archive. Entities of its own, and the network, are refused; raises LoadError."""
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, remove_comments=True,
                             remove_pis=True, huge_tree=False)  # fmt: skip
    try:
        root = etree.fromstring(body, parser)
    except etree.XMLSyntaxError as error:
        reason = " ".join(str(error).split())
        raise LoadError(f"{name!r} in the archive is not sound XML ({reason})") from error
    if root is None:
        raise LoadError(f"{name!r} in the archive holds no XML element")
    declared = root.getroottree().docinfo.internalDTD
    entity = next(root.iter(etree.Entity), None) if declared is not None else None
    if entity is not None or (declared is not None and next(declared.iterentities(), None) is not None):
        raise LoadError(f"{name!r} in the archive declares XML entities of its own: save the document again")
    return root


def _directory(data: bytes) -> tuple[int, int]:
    """Where the central directory starts, and how many entries it has."""
    at = data.rfind(b"PK\x05\x06", max(0, len(data) - _END.size - _MAX_COMMENT))
    if at < 0 or at + _END.size > len(data):
        if data.startswith(b"PK\x03\x04"):
            raise _truncated()
        raise LoadError("the file is no zip archive, as documents of its kind are: is its name right?")
    _, disk, first_disk, here, n_entries, size, start, _ = _END.unpack_from(data, at)
    if disk or first_disk or here != n_entries:
        raise LoadError("the archive is in several parts: save the document again")
    if n_entries == 0xFFFF or _ZIP64 in (size, start):
        raise LoadError("the archive is in the zip64 form, for gigabytes: save the document again")
    if n_entries > MAX_ENTRIES:
        raise LoadError(f"the archive holds {n_entries:,} files, more than {MAX_ENTRIES:,}")
    if start + size != at:
        raise LoadError("the archive is damaged: its directory is not where it should be")
    return start, n_entries


def _entries(data: bytes, start: int, n_entries: int) -> Iterable[Entry]:
    position = start
    for _ in range(n_entries):
        try:
            record = _RECORD.unpack_from(data, position)
        except struct.error as error:
            raise _truncated() from error
        magic, made_by, _, flags, method, _, _, crc, packed_size, size, n_name, n_extra, n_comment = record[:13]
        if magic != b"PK\x01\x02":
            raise _truncated()
        position += _RECORD.size
        name = _decoded(data[position : position + n_name], flags)
        position += n_name + n_extra + n_comment
        if made_by >> 8 == 3 and (record[15] >> 16) & _TYPE_MASK == _LINK:
            raise LoadError(f"the archive holds a link, {name!r}: save the document again")
        yield Entry(name, n_name, method, crc, packed_size, size, record[16], bool(flags & _ENCRYPTED))


def _decoded(name: bytes, flags: int) -> str:
    if len(name) > _MAX_NAME_BYTES:
        raise LoadError(f"the archive holds a file name of {len(name):,} bytes")
    try:
        return name.decode("utf-8" if flags & _UTF8 else "cp437")
    except UnicodeDecodeError as error:
        raise LoadError("the archive holds a file name that is not UTF-8") from error


def _check_name(name: str) -> None:
    """Raises LoadError for a name that would lead out of the archive's own folder, were it unpacked."""
    parts = name.replace("\\", "/").split("/")
    if not name or "\0" in name or parts[0] == "" or ".." in parts or parts[0].endswith(":"):
        raise LoadError(f"the archive holds a file name that leads elsewhere, {name[:80]!r}")


def _check_apart(entries: Iterable[Entry], end: int) -> None:
    """Raises LoadError where two entries share bytes, or one reaches into the directory at `end`."""
    spans = sorted((e.offset, e.offset + _LOCAL.size + e.name_size + e.packed_size) for e in entries)
    for (_, last), (following, _) in pairwise([*spans, (end, end)]):
        if last > following:
            raise LoadError("the archive's files overlap: it is damaged or made to harm")


def _check_size(entry: Entry) -> None:
    if entry.method not in (_STORED, _DEFLATED):
        raise LoadError(f"the archive is compressed by method {entry.method}, not deflate: save the document again")
    if entry.size > MAX_ENTRY_BYTES:
        raise LoadError(f"{entry.name!r} in the archive is larger than {MAX_ENTRY_BYTES >> 20} MiB")
    if entry.size > _RATIO_FROM and entry.size > MAX_RATIO * entry.packed_size:
        raise LoadError(f"{entry.name!r} in the archive grows to over {MAX_RATIO} times its size")


def _inflated(entry: Entry, packed: memoryview) -> bytes:
    """The entry's bytes, never more of them than the directory says."""
    if entry.method == _STORED:
        body = bytes(packed)
        whole = len(body) == entry.size
    else:
        inflater = zlib.decompressobj(-zlib.MAX_WBITS)
        try:
            body = inflater.decompress(packed, entry.size + 1)
        except zlib.error as error:
            raise LoadError(f"the archive is damaged: {entry.name!r} cannot be unpacked") from error
        whole = inflater.eof and len(body) == entry.size
    if not whole:
        raise LoadError(f"the archive is damaged: {entry.name!r} is not of the size that is stated")
    return body


def _truncated() -> LoadError:
    return LoadError("the archive is truncated or damaged: get the file again")
