"""The story: one question becomes one cited answer.

Retrieve passages, put them in front of the reader, let it point at an answer or decline, and prove the answer by the
exact words it came from, read afresh from the stored document.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from time import perf_counter

from rag.answer import choose
from rag.augment import augment
from rag.cite import is_verified
from rag.defining import asked_term
from rag.errors import EmptyQuestion, NothingIndexed
from rag.ports import Reader, Retriever
from rag.types import Answer, Answered, Citation, Cited, Event, EvidenceFound, Question, TokenRead
from rag.wording import plainly


class Pipeline:
    """Answers questions through a retriever and a reader; holds no state of its own, so threads may share it."""

    def __init__(self, retriever: Retriever, reader: Reader) -> None:
        self._retriever = retriever
        self._reader = reader

    def answer(self, question: Question) -> Answer:
        """The last event's answer. Raises as `events` does."""
        return next(event.answer for event in self.events(question) if isinstance(event, Answered))

    def events(self, question: Question) -> Iterator[Event]:
        """EvidenceFound, then the answer's TokenRead..., Cited (neither when the reader abstains), Answered.

        Raises RagError: EmptyQuestion, UnknownCollection and NothingIndexed before the first event, QuestionTooLong
        and EvidenceGone after it.
        """
        asked = plainly(question.text)
        if not asked:
            raise EmptyQuestion
        timings = {"retrieve": 0.0, "read": 0.0, "total": 0.0}
        with _timed(timings, "retrieve"):
            found = self._retriever.retrieve(asked, n_evidence=question.n_evidence, filter=question.filter)
        if not found.evidence:
            raise NothingIndexed(question.filter.collection, question.narrowed)
        yield EvidenceFound(found.evidence)

        with _timed(timings, "read"):
            passages = augment(found.evidence)
            reading = self._reader.read(asked, [passage.text for passage in passages])
            closeness = partial(self._retriever.closeness, asked)
            choice = choose(reading, passages, asked_term(asked), closeness)
            claim = choice.claim if choice.answerable >= self._reader.threshold else None

        citations: tuple[Citation, ...] = ()
        if claim is not None:
            for piece in claim.pieces:
                yield TokenRead(piece)
            with _timed(timings):
                citation = self._retriever.cite(claim.evidence, claim.start, claim.end)
            if is_verified(citation, claim):
                citations = (citation,)
                yield Cited(citation)

        yield Answered(
            Answer(
                id=uuid.uuid4().hex,
                question=question.text,
                asked=asked,
                answer=None if claim is None else claim.text,
                abstained=claim is None,
                confidence=choice.answerable,
                verified=bool(citations),
                citations=citations,
                evidence=found.evidence,
                model=self._reader.name,
                index_generation=found.generation,
                timings_ms=timings,
            )
        )


@contextmanager
def _timed(timings: dict[str, float], *steps: str) -> Iterator[None]:
    """Adds the milliseconds of its block to `steps` and the total; what the consumer does between events is not timed."""
    started = perf_counter()
    yield
    elapsed_ms = (perf_counter() - started) * 1000
    for step in (*steps, "total"):
        timings[step] += elapsed_ms
