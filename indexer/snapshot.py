"""Index files that are whole or not there: written beside, synced, renamed; checked by digest before use.

Layout: magic (8 bytes), sha256 of all that follows (32), length of the header (uint32, little-endian), the header
(JSON), the payload. FAISS's own writer neither syncs nor reports a failed close, and its reader trusts its input:
hence the digest over bytes that FAISS has not seen yet.
"""

from __future__ import annotations

import hashlib
import json
import struct
from dataclasses import asdict, dataclass
from pathlib import Path

from indexer.durable import move, write_whole
from indexer.errors import StoreCorrupt

_MAGIC = b"SGPTIDX1"
_LENGTH = struct.Struct("<I")
_DIGEST_END = len(_MAGIC) + 32


@dataclass(frozen=True, slots=True)
class Header:
    """What a snapshot was made of: it serves a database with the same model, at that generation or a later one."""

    generation: int
    model: str
    last_id: int


def write_snapshot(path: Path, header: Header, payload: bytes) -> None:
    """Replaces the file at `path`: afterwards, even after a power cut, it is the old one or the new one, whole."""
    encoded = json.dumps(asdict(header)).encode("utf-8")
    digest = hashlib.sha256(_LENGTH.pack(len(encoded)) + encoded)
    digest.update(payload)
    write_whole(path, (_MAGIC, digest.digest(), _LENGTH.pack(len(encoded)), encoded, payload))


def read_snapshot(path: Path) -> tuple[Header, bytes]:
    """The header and the payload. Raises FileNotFoundError, or StoreCorrupt when a single bit is not as written."""
    data = path.read_bytes()
    if data[: len(_MAGIC)] != _MAGIC or hashlib.sha256(data[_DIGEST_END:]).digest() != data[len(_MAGIC) : _DIGEST_END]:
        raise StoreCorrupt(f"the index file {path} is damaged; it is set aside and rebuilt from the database")
    (length,) = _LENGTH.unpack_from(data, _DIGEST_END)
    header_at = _DIGEST_END + _LENGTH.size
    return Header(**json.loads(data[header_at : header_at + length])), data[header_at + length :]


def quarantine(path: Path) -> Path:
    """Sets a damaged file aside under its name with `.corrupt` added, and gives that name."""
    aside = path.with_name(path.name + ".corrupt")
    move(path, aside)
    return aside
