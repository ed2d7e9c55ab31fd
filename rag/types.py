"""The values of one question and its cited answer, and the events that lead from one to the other."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace

from indexer.types import EVERYTHING, Filter

Box = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked, and where to look: in `collection`, and only in the documents that `within` admits besides.

    `n_evidence` passages at most are read.
    """

    text: str
    collection: str | None = None  # None: every collection
    n_evidence: int = 8
    within: Filter = EVERYTHING

    @property
    def filter(self) -> Filter:
        """All that says where to look."""
        return self.within if self.collection is None else replace(self.within, collection=self.collection)

    @property
    def narrowed(self) -> str | None:
        """What `within` asks of a document, in words; None when it admits all."""
        asked = {name: value for name, value in asdict(self.within).items() if value is not None}
        return ", ".join(f"{name} {value}" for name, value in asked.items()) or None


@dataclass(frozen=True, slots=True)
class Evidence:
    """A retrieved passage: the characters [start, end) of a document's extracted text, and the headings it stands under."""

    chunk_id: str
    document_id: str
    title: str
    path: str
    sha256: str
    start: int
    end: int
    text: str
    score: float
    headings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Citation:
    """The exact words an answer came from: `quote` equals the document's extracted text [start, end), always.

    `page`, `line_start`, `line_end` and `cell` count from 1; fields that the format does not have are None.
    """

    document_id: str
    title: str
    path: str
    sha256: str
    quote: str
    start: int
    end: int
    page: int | None = None
    boxes: tuple[Box, ...] | None = None
    line_start: int | None = None
    line_end: int | None = None
    cell: int | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """A cited answer, or an abstention (`answer` is None and `abstained` True).

    `asked` is the question as the passages were looked for and read with it: `question`, or what it says in a direct way
    (rag/wording.py).
    `confidence` is the calibrated probability that the answer stands in the evidence; when the reader abstains it is
    still that probability, so a low value is a confident "not in your materials". `verified` is True when every
    citation was found again, word for word, in the stored text. Keys of `timings_ms`: retrieve, read, total.
    """

    id: str
    question: str
    asked: str
    answer: str | None
    abstained: bool
    confidence: float
    verified: bool
    citations: tuple[Citation, ...]
    evidence: tuple[Evidence, ...]
    model: str
    index_generation: int
    timings_ms: dict[str, float]


@dataclass(frozen=True, slots=True)
class EvidenceFound:
    """Retrieval has ended."""

    evidence: tuple[Evidence, ...]


@dataclass(frozen=True, slots=True)
class TokenRead:
    """The next piece of the answer's text."""

    text: str


@dataclass(frozen=True, slots=True)
class Cited:
    """A verified citation."""

    citation: Citation


@dataclass(frozen=True, slots=True)
class Answered:
    """The last event: the whole answer."""

    answer: Answer


Event = EvidenceFound | TokenRead | Cited | Answered
