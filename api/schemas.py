"""The JSON of the HTTP service. Each `...Out` mirrors one frozen dataclass; unknown keys in a request are errors."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, PlainSerializer

from indexer.types import Filter
from rag.types import Question

MAX_QUESTION_CHARS = 4_000  # several times any reader's window, which has the last word
MAX_EVIDENCE = 32
MAX_HITS = 100
MAX_CONTEXT = 5
N_EVIDENCE = Question("").n_evidence
COLLECTION_PATTERN = r"^[^\x00-\x1f\x7f]+$"

CollectionName = Annotated[str, Field(min_length=1, max_length=100, pattern=COLLECTION_PATTERN)]
Glob = Annotated[str, Field(min_length=1, max_length=1000)]
Box = tuple[float, float, float, float]
Rounded = Annotated[float, PlainSerializer(lambda p: round(p, 5), return_type=float)]  # thousands of them in one answer


class Request(BaseModel):
    """The base of every request body."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)


class Out(BaseModel):
    """The base of everything that is answered; built from the dataclass of the same fields."""

    model_config = ConfigDict(from_attributes=True)


class Narrowed(Request):
    """Which documents to look in; null admits all."""

    collection: CollectionName | None = Field(default=None, description="null: every collection")
    path: Glob | None = Field(default=None, description="a glob over paths or their ends", examples=["lectures/*.md"])
    type: Glob | None = Field(default=None, description="a suffix, or a media type", examples=["pdf"])
    modified_since: datetime | None = Field(default=None, description="of the file; without a zone: UTC")
    added_since: datetime | None = Field(default=None, description="to the index, as it is; without a zone: UTC")

    @property
    def filter(self) -> Filter:
        """The same in the index's words."""
        return Filter(self.collection, self.path, self.type, self.modified_since, self.added_since)


class AskRequest(Narrowed):
    """A question, and where to look."""

    question: str = Field(max_length=MAX_QUESTION_CHARS, examples=["What does the KV cache store?"])
    n_evidence: int = Field(default=N_EVIDENCE, ge=1, le=MAX_EVIDENCE, description="passages to read, at most")


class SearchRequest(Narrowed):
    """A query, how to search, and where. "Phrases", prefixes*, AND, OR, NOT and -words are understood."""

    query: str = Field(min_length=1, max_length=MAX_QUESTION_CHARS, examples=["causal mask"])
    n: int = Field(default=10, ge=1, le=MAX_HITS, description="passages to return, at most")
    mode: Literal["hybrid", "dense", "bm25"] = "hybrid"
    context: int = Field(default=0, ge=0, le=MAX_CONTEXT, description="passages to return on each side of a hit")


class InspectRequest(Request):
    """A question and a passage: the characters [start, end) of a document's extracted text, as with `evidence`."""

    question: str = Field(max_length=MAX_QUESTION_CHARS, examples=["What does the KV cache store?"])
    document_id: str
    start: int = Field(ge=0)
    end: int = Field(ge=0)


class AttentionRequest(InspectRequest):
    """The same, and a token of the prompt that `/v1/inspect` tells, counted from 0."""

    token: int = Field(ge=0)


class EvidenceOut(Out):
    """A passage that was read: the characters [start, end) of the document's extracted text."""

    chunk_id: str
    document_id: str
    title: str
    path: str
    sha256: str
    start: int
    end: int
    text: str
    score: float


class CitationOut(Out):
    """The exact words: `quote` equals the document's extracted text [start, end), in characters (code points)."""

    document_id: str
    title: str
    path: str
    sha256: str
    quote: str
    start: int
    end: int
    page: int | None
    boxes: tuple[Box, ...] | None
    line_start: int | None
    line_end: int | None
    cell: int | None


class AnswerOut(Out):
    """A cited answer; `answer` is null and `abstained` true when it is not in the materials."""

    id: str
    question: str
    asked: str = Field(description="the question as it was put to the model: direct, without courtesy")
    answer: str | None
    abstained: bool
    confidence: float = Field(ge=0, le=1, description="probability that the passages answer the question")
    verified: bool
    citations: tuple[CitationOut, ...]
    evidence: tuple[EvidenceOut, ...]
    model: str
    index_generation: int
    timings_ms: dict[str, float]


class SeenTokenOut(Out):
    """A token of the prompt. Characters [start, end) of the question as asked (which stands there twice) or, for the passage, of
    the document; `shared`: what of it stands on the other side, as its mark tells the model."""

    text: str
    part: Literal["question", "passage", "sign"]
    shared: Literal["no", "stop word", "stem", "word"]
    start: int
    end: int


class PointedOut(Out):
    """A span of the passage: tokens [first, last] of the prompt, both included, characters [start, end) of the document;
    `margin`: nats by which it beats "not in the passage"."""

    first: int
    last: int
    start: int
    end: int
    probability: float
    margin: float


class WordEffectOut(Out):
    """A word, tokens [first, last] of the prompt, and the nats that the best span's margin loses when it is hidden."""

    first: int
    last: int
    effect: float


class InspectionOut(Out):
    """How a passage was read for the question `asked` (as in an answer). `first[l][t]` and `last[l][t]`: the probability, after
    layer l + 1, that the answer begins or ends at token t; the last token stands for "not in the passage", whose probability
    at the end is `nothing`."""

    model: str
    asked: str
    tokens: tuple[SeenTokenOut, ...]
    first: tuple[tuple[Rounded, ...], ...]
    last: tuple[tuple[Rounded, ...], ...]
    spans: tuple[PointedOut, ...]
    nothing: float
    words: tuple[WordEffectOut, ...]


class AttentionOut(Out):
    """Where token `token` looks: `weights[l][h][t]` is what head h + 1 of layer l + 1 takes from token t, 1 in all."""

    token: int
    weights: tuple[tuple[tuple[Rounded, ...], ...], ...]


class PassageOut(Out):
    """A passage beside a hit: the characters [start, end) of the same document."""

    start: int
    end: int
    text: str
    headings: tuple[str, ...]


class HitOut(Out):
    """A passage that a search found; a higher score is better. `before` and `after` are its neighbours, if asked for."""

    chunk_id: str
    document_id: str
    collection: str
    path: str
    title: str
    start: int
    end: int
    text: str
    headings: tuple[str, ...]
    score: float
    page: int | None
    line_start: int | None
    line_end: int | None
    cell: int | None
    before: tuple[PassageOut, ...] = ()
    after: tuple[PassageOut, ...] = ()


class SearchOut(Out):
    """Passages, best first."""

    hits: tuple[HitOut, ...]
    index_generation: int


class DocumentOut(Out):
    """One indexed document. `notices` say in sentences what of the file is not in its text; none: it was read whole."""

    document_id: str
    collection: str
    path: str
    title: str
    media_type: str
    sha256: str
    size_bytes: int
    n_chars: int
    n_chunks: int
    indexed_at: str
    notices: tuple[str, ...]


class DocumentsOut(Out):
    """A page of the documents, by collection and path; `total` counts all of them."""

    documents: tuple[DocumentOut, ...]
    total: int
    limit: int
    offset: int


class TextOut(Out):
    """The characters [start, end) of a document's extracted text, which has `n_chars`, and where they stand in it."""

    document_id: str
    start: int
    end: int
    n_chars: int
    text: str
    page: int | None
    line_start: int | None
    line_end: int | None
    cell: int | None


class CollectionOut(Out):
    """A named set of documents."""

    name: str
    n_documents: int
    n_chunks: int


class CollectionsOut(Out):
    """All collections, by name."""

    collections: tuple[CollectionOut, ...]


class ProgressOut(Out):
    """How far a job is: `done` of `total` in this stage."""

    stage: Literal["scan", "read", "embed", "commit"]
    done: int
    total: int
    current: str


class JobOut(Out):
    """One upload, or change of the watched folder: queued, running (with progress), done (an upload with its document)
    or failed (with the reason)."""

    id: str
    name: str
    collection: str
    created_at: str
    state: Literal["queued", "running", "done", "failed"]
    progress: ProgressOut | None
    document: DocumentOut | None
    reason: str | None


class JobsOut(Out):
    """Jobs, the newest first."""

    jobs: tuple[JobOut, ...]


class HealthOut(Out):
    """The process is alive."""

    status: Literal["ok"] = "ok"


class ReadyOut(Out):
    """The service can answer, with this model, from this many documents."""

    status: Literal["ready"] = "ready"
    model: str
    embedding_model: str
    n_documents: int
    n_chunks: int
    index_generation: int
    max_upload_bytes: int


class KeyProblem(BaseModel):
    """One key that does not fit, and why."""

    key: str
    detail: str


class Problem(BaseModel):
    """An error (RFC 9457)."""

    type: str = Field(examples=["urn:problem-type:studygpt:document-not-found"])
    title: str = Field(examples=["No document of that id"])
    status: int = Field(examples=[404])
    detail: str
    errors: list[KeyProblem] | None = Field(default=None, description="with 422: what is wrong, key by key")
    id: str | None = Field(default=None, description="with 500: the log entry that tells what happened")


def problems(said: dict[int, str]) -> dict[int | str, dict[str, Any]]:
    """OpenAPI's account of a route's errors, from status to when it happens."""
    return {status: {"model": Problem, "description": text} for status, text in said.items()}
