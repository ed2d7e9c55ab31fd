"""A folder of documents as plain passages, cut and cleaned as they are when they are served."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gpt.self_made import Document
    from indexer.sandbox import Loading
    from indexer.scan import Found
    from indexer.types import Failure


def read_folder(
    folder: Path,
    count_tokens: Callable[[str], int],
    progress: Callable[[str, int, int], None],
    parsers: Loading | None = None,
) -> tuple[list[Document], list[Failure]]:
    """The documents at `folder` that can be read, in order of their paths, and the files that cannot be.

    Each file is parsed as an index does it, without `parsers` by this process's sandbox. Nothing is indexed or kept.
    Raises PathNotFound, ParserUnavailable, and EmptyDocument when no file holds text.
    """
    from indexer.errors import EmptyDocument, LoadError
    from indexer.loaders import SUFFIXES
    from indexer.sandbox import shared
    from indexer.scan import scan
    from indexer.types import Failure

    parsers = parsers or shared()
    seen = scan([folder], SUFFIXES)
    documents, failed = [], list(seen.failed)
    for done, found in enumerate(seen.files, 1):
        progress("reading the documents", done, len(seen.files))
        try:
            documents.append(_document(found, parsers, count_tokens))
        except LoadError as error:
            failed.append(Failure(found.path, str(error)))
    if not documents:
        raise EmptyDocument(f"{folder} holds no document with text; name a folder with {' '.join(sorted(SUFFIXES))}")
    return documents, failed


def _document(found: Found, parsers: Loading, count_tokens: Callable[[str], int]) -> Document:
    from gpt.self_made import Document
    from indexer.chunk import chunk
    from indexer.scan import read_found
    from rag.augment import augment
    from rag.types import Evidence

    path = found.path
    extracted = parsers.load(path, read_found(found))
    chunks = chunk(extracted, count_tokens=count_tokens)
    evidence = [Evidence("", "", path, path, "", c.start, c.end, c.text, 0.0, c.headings) for c in chunks]
    return Document(path, tuple(passage.text for passage in augment(evidence) if passage.text))
