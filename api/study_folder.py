"""A folder of documents as plain passages, cut and cleaned as they are when they are served."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gpt.self_made import Document
    from indexer.types import Failure


def read_folder(
    folder: Path, count_tokens: Callable[[str], int], progress: Callable[[str, int, int], None]
) -> tuple[list[Document], list[Failure]]:
    """The documents at `folder` that can be read, in order of their paths, and the files that cannot be.

    Nothing is indexed or kept. Raises PathNotFound, and EmptyDocument when no file holds text.
    """
    from indexer.errors import EmptyDocument, LoadError
    from indexer.loaders import SUFFIXES
    from indexer.scan import scan
    from indexer.types import Failure

    seen = scan([folder], SUFFIXES)
    documents, failed = [], list(seen.failed)
    for done, found in enumerate(seen.files, 1):
        progress("reading the documents", done, len(seen.files))
        try:
            documents.append(_document(found.path, count_tokens))
        except LoadError as error:
            failed.append(Failure(found.path, str(error)))
    if not documents:
        raise EmptyDocument(f"{folder} holds no document with text; name a folder with {' '.join(sorted(SUFFIXES))}")
    return documents, failed


def _document(path: str, count_tokens: Callable[[str], int]) -> Document:
    from gpt.self_made import Document
    from indexer.chunk import chunk
    from indexer.loaders import load
    from indexer.scan import read_file
    from rag.augment import augment
    from rag.types import Evidence

    extracted = load(path, read_file(path))
    chunks = chunk(extracted, count_tokens=count_tokens)
    evidence = [Evidence("", "", path, path, "", c.start, c.end, c.text, 0.0) for c in chunks]
    return Document(path, tuple(passage.text for passage in augment(evidence) if passage.text))
