"""The values that cross the indexer's boundary. All character offsets count Python characters of `Document.text`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

Box = tuple[float, float, float, float]
"""(left, top, right, bottom) in PDF points from the page's top left corner."""

BlockKind = Literal["heading", "paragraph", "list", "table_row", "code", "formula", "output"]


@dataclass(frozen=True, slots=True)
class Anchor:
    """Where the characters [start, end) of an extracted text stand in the source file.

    `page` counts from 1. `line_start` and `line_end` are lines of the source file, from 1, both included.
    `cell` is the notebook cell, from 1. `boxes` holds one box a character (PDF), else it is empty.
    """

    start: int
    end: int
    page: int | None = None
    line_start: int | None = None
    line_end: int | None = None
    cell: int | None = None
    boxes: Sequence[Box] = ()


@dataclass(frozen=True, slots=True)
class Block:
    """A structural unit [start, end) of an extracted text that chunking keeps whole where it can.

    `level` is 1-6 for headings, else 0. `code`, `formula` and `table_row` are cut only where they are many times as long as
    a passage (indexer/chunk.py).
    """

    kind: BlockKind
    start: int
    end: int
    level: int = 0


@dataclass(frozen=True, slots=True)
class Extracted:
    """What a loader makes of one file: its text, its structure, and where every part of the text came from.

    `notices` say, each in a plain sentence of one line, what of the user's content is not in the text.
    """

    text: str
    title: str
    media_type: str
    anchors: tuple[Anchor, ...]
    blocks: tuple[Block, ...]
    notices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Place:
    """Where a character range stands in the source file; fields that the format does not have are None.

    `boxes` holds one box a line of text on `page` (the range's first page), or None for formats without pages.
    """

    page: int | None = None
    boxes: tuple[Box, ...] | None = None
    line_start: int | None = None
    line_end: int | None = None
    cell: int | None = None


@dataclass(frozen=True, slots=True)
class Document:
    """One indexed document, without its text. `sha256` is of the source file's bytes; `path` is as the user gave it.

    `notices` say what of the file is not in the text, in sentences; none for a document that was read whole.
    """

    document_id: str
    collection: str
    path: str
    title: str
    media_type: str
    sha256: str
    size_bytes: int
    n_chars: int
    n_chunks: int
    indexed_at: str  # ISO 8601, UTC
    notices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Chunk:
    """The characters [start, end) of a document, with the headings they stand under (outermost first)."""

    start: int
    end: int
    text: str
    headings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Hit:
    """One chunk found by a search; a higher `score` is better. `text` equals the document's [start, end)."""

    chunk_id: str
    document_id: str
    collection: str
    path: str
    title: str
    sha256: str
    start: int
    end: int
    text: str
    headings: tuple[str, ...]
    score: float
    place: Place


@dataclass(frozen=True, slots=True)
class Filter:
    """What is None admits all. Equal filters admit the same documents of one generation.

    `path` is a glob over the whole path, or over its end from a slash on (`lectures/*.md`); `*` and `?` match slashes
    too, and case counts. `type` is a suffix (`pdf`) or, with a slash, a glob over media types (`text/*`).
    `modified_since` is about the file's own time, and the time of indexing where there is none; `added_since` about
    the time when the document, as it is, was indexed. Times without a zone are UTC.
    """

    collection: str | None = None
    path: str | None = None
    type: str | None = None
    modified_since: datetime | None = None
    added_since: datetime | None = None


EVERYTHING = Filter()


@dataclass(frozen=True, slots=True)
class SearchResult:
    """Hits, best first, all read at one generation (the number of the last commit that changed the index)."""

    hits: tuple[Hit, ...]
    generation: int


@dataclass(frozen=True, slots=True)
class Failure:
    """A file that could not be indexed, and why, in one line."""

    path: str
    reason: str


@dataclass(frozen=True, slots=True)
class InPart:
    """A document that was read in part, and what is missing of it, in sentences."""

    path: str
    notices: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SyncReport:
    """What one `sync` did. `files` = added + updated + renamed + unchanged + failed.

    `in_part` are those of the files, changed or not, whose documents hold a part of them only.
    """

    files: int = 0
    added: int = 0
    updated: int = 0
    renamed: int = 0
    removed: int = 0
    unchanged: int = 0
    failed: tuple[Failure, ...] = field(default=())
    in_part: tuple[InPart, ...] = field(default=())
    chunks: int = 0  # chunks of the collection after the sync
    embedded: int = 0  # chunks whose vector had to be computed
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Collection:
    """A named set of documents."""

    name: str
    n_documents: int
    n_chunks: int


@dataclass(frozen=True, slots=True)
class IndexStatus:
    """The state of a data folder. `vector_index` names the kind of vector search in use; `n_in_part` counts the
    documents that were read in part."""

    data_dir: str
    generation: int
    n_documents: int
    n_in_part: int
    n_chunks: int
    size_bytes: int
    embedding_model: str
    vector_index: str


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a job is: `done` of `total` files (scan, read, commit) or texts (embed), at work on `current`."""

    stage: Literal["scan", "read", "embed", "commit"]
    done: int
    total: int
    current: str
