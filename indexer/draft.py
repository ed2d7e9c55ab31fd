"""From the bytes of one file to a document ready to be stored."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass

from indexer.chunk import chunk
from indexer.embed import Embedder
from indexer.errors import LoadError
from indexer.loaders import load
from indexer.places import pack_anchors, place
from indexer.records import Draft
from indexer.types import Chunk, Extracted


@dataclass(frozen=True, slots=True)
class FileTime:
    """When a file was last changed; None when its clock is too coarse to trust."""

    mtime_ns: int | None


def make_draft(
    name: str,
    data: bytes,
    embedder: Embedder,
    found: FileTime | None = None,
    parse: Callable[[str, bytes], Extracted] = load,
) -> Draft:
    """Extracts (with `parse`), chunks and locates `data`; the vectors are not computed here. Without `found`: an upload.

    Raises LoadError.
    """
    extracted = parse(name, data)
    if not _is_unicode(extracted.text + extracted.title):
        raise LoadError("holds characters that are not valid Unicode; save it again as UTF-8")
    chunks = chunk(extracted, count_tokens=embedder.count_tokens)
    texts = tuple(embedded_text(c) for c in chunks)
    return Draft(
        path=name,
        title=extracted.title,
        media_type=extracted.media_type,
        data=data,
        sha256=hashlib.sha256(data).hexdigest(),
        mtime_ns=found.mtime_ns if found else None,
        text=extracted.text,
        anchors=pack_anchors(extracted.anchors),
        chunks=chunks,
        places=tuple(place(extracted.anchors, c.start, c.end) for c in chunks),
        texts=texts,
        keys=tuple(vector_key(embedder.name, text) for text in texts),
        uploaded=found is None,
        notices=extracted.notices,
    )


def embedded_text(chunk: Chunk) -> str:
    """What the embedding model reads of a chunk: its words under those of its headings that they do not repeat."""
    return "\n".join([*(heading for heading in chunk.headings if heading not in chunk.text), chunk.text])


def vector_key(model: str, text: str) -> bytes:
    """The name of a text's vector: sha256 of the model's name and the text."""
    return hashlib.sha256(f"{model}\0{text}".encode()).digest()


def _is_unicode(text: str) -> bool:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True
