"""What the pipeline needs of retrieval and of reading, in its own words. `assemble.py` binds the real ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from indexer.types import Filter
from rag.types import Citation, Evidence


@dataclass(frozen=True, slots=True)
class Retrieved:
    """Passages, best first, all read at one index generation."""

    evidence: tuple[Evidence, ...]
    generation: int


@dataclass(frozen=True, slots=True)
class Span:
    """The characters [start, end) of `passages[passage]` as an answer; `score`: nats by which it beats "not there", made
    comparable between passages."""

    passage: int
    start: int
    end: int
    score: float
    pieces: tuple[str, ...]  # the answer's text token by token; "".join(pieces) is the passage's slice


@dataclass(frozen=True, slots=True)
class Reading:
    """What the reader found: candidate spans, best first (empty only where no passage says anything),
    and the calibrated probability that the question is answered in the passages at all."""

    spans: tuple[Span, ...]
    answerable: float


class Retriever(Protocol):
    """Finds passages and vouches for their words."""

    def retrieve(self, query: str, *, n_evidence: int, filter: Filter) -> Retrieved:
        """The passages to read of the documents that `filter` admits, best first; empty when there are none."""

    def closeness(self, question: str, sentences: Sequence[str]) -> Sequence[float] | None:
        """The cosine of the question's embedding and each sentence's; None where the embedding model is another than
        `rag.closeness.MEASURED_WITH`, whose cosines say something else."""

    def cite(self, evidence: Evidence, start: int, end: int) -> Citation:
        """The citation of characters [start, end) of `evidence.text`, its quote read afresh from the document."""


class Reader(Protocol):
    """Reads passages and answers by pointing."""

    @property
    def name(self) -> str:
        """The model's name, as shown in answers."""

    @property
    def threshold(self) -> float:
        """Below this probability of `Reading.answerable` the answer is withheld."""

    def read(self, question: str, passages: Sequence[str]) -> Reading:
        """Reads all passages. Raises `rag.errors.QuestionTooLong` when the question alone overfills the window."""
