"""The composition root: the only file of this package that names both the indexer and the GPT."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

import gpt.inspect
import gpt.reader
from gpt.errors import ConfigError, ContextTooLong
from indexer.embed import SentenceTransformerEmbedder
from indexer.index import Index
from indexer.query import plain
from rag.errors import NotSeen, QuestionTooLong
from rag.inspect import Glass
from rag.pipeline import Pipeline
from rag.ports import Reading, Span
from rag.retrieve import IndexRetriever

__all__ = ["Assistant", "GPTReader", "Index", "assemble", "join", "load_reader", "open_index", "plain"]


@dataclass(frozen=True)
class Assistant:
    """An open index and the pipeline over it. Close it, or use it as a context manager, to free the data folder."""

    index: Index
    pipeline: Pipeline
    model: str
    glass: Glass

    def close(self) -> None:
        """Closes the index."""
        self.index.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class GPTReader:
    """A trained reader (gpt.reader.Reader) in the pipeline's own words."""

    def __init__(self, reader: gpt.reader.Reader) -> None:
        self._reader = reader
        self.name = reader.name
        self.threshold = reader.threshold

    def read(self, question: str, passages: Sequence[str]) -> Reading:
        """Raises QuestionTooLong when the question leaves no room for a passage."""
        try:
            found = self._reader.read(question, passages)
        except ContextTooLong as error:
            raise QuestionTooLong(str(error)) from error
        spans = (Span(span.passage, span.start, span.end, span.merit, span.pieces) for span in found.spans)
        return Reading(tuple(spans), found.answerable)

    def inspect(self, question: str, passage: str) -> gpt.inspect.Inspection:
        """As `rag.inspect.Glass`."""
        with _within_sight():
            return gpt.inspect.inspect(self._reader.released, question, passage)

    def looks(self, question: str, passage: str, token: int) -> gpt.inspect.Looks:
        """As `rag.inspect.Glass`."""
        with _within_sight():
            return gpt.inspect.looks(self._reader.released, question, passage, token)


@contextmanager
def _within_sight() -> Iterator[None]:
    """Turns what cannot be looked into into NotSeen."""
    try:
        yield
    except (ContextTooLong, ConfigError) as error:
        raise NotSeen(str(error)) from error


def open_index(data_dir: Path, *, embedding_model: str | None = None) -> Index:
    """The index of a data folder, with the named embedding model or the bundled one. Raises IndexerError."""
    embedder = None if embedding_model is None else SentenceTransformerEmbedder(embedding_model)
    return Index.open(data_dir, embedder=embedder)


def load_reader(model: Path | None = None) -> GPTReader:
    """The reader in the folder `model`, or the released one. Raises gpt.errors.CheckpointError."""
    return GPTReader(gpt.reader.Reader.load(model))


def join(index: Index, reader: GPTReader) -> Assistant:
    """The assistant of an open index and a reader; it closes the index."""
    return Assistant(index, Pipeline(IndexRetriever(index), reader), reader.name, reader)


def assemble(data_dir: Path, *, model: Path | None = None, embedding_model: str | None = None) -> Assistant:
    """The real parts, put together. Raises IndexerError or gpt.errors.CheckpointError, and then holds nothing open."""
    reader = load_reader(model)
    return join(open_index(data_dir, embedding_model=embedding_model), reader)
