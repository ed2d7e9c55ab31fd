"""An assistant that is real but for its models: the index and the pipeline, a hash embedder and an overlap reader."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from indexer.index import Index
from rag.pipeline import Pipeline
from rag.ports import Reading
from rag.retrieve import IndexRetriever
from tests.indexer.fakes import HashEmbedder
from tests.rag.fakes import FakeGlass, FakeReader

NOTE = """# Bigram model

A bigram model predicts the next token from the current token alone. It is a table of counts.

## Limits

It forgets everything before the current token.
"""
LOREM = "# Tea\n\nGreen tea is brewed at eighty degrees.\n"


class GatedReader(FakeReader):
    """A reader that waits until it is let through, and counts how often it was asked."""

    def __init__(self) -> None:
        super().__init__()
        self.entered = threading.Event()
        self.gate = threading.Event()
        self.gate.set()
        self.n_read = 0

    def read(self, question: str, passages: Sequence[str]) -> Reading:
        self.n_read += 1
        self.entered.set()
        self.gate.wait(10)
        if "crash" in question:
            raise RuntimeError("secret inside")
        return super().read(question, passages)


@dataclass
class FakeAssistant:
    """What `rag.assemble.Assistant` holds."""

    index: Index
    pipeline: Pipeline
    reader: GatedReader
    glass: FakeGlass
    model: str = "fake"
    closed: bool = False

    def close(self) -> None:
        self.closed = True
        self.index.close()


def fake_assistant(data_dir: Path) -> FakeAssistant:
    """An assistant over an empty index in `data_dir`."""
    index = Index.open(data_dir, embedder=HashEmbedder())
    reader = GatedReader()
    return FakeAssistant(index, Pipeline(IndexRetriever(index), reader), reader, FakeGlass())
