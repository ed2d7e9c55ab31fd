"""How the reader read one passage, told in the document's characters."""

from __future__ import annotations

from dataclasses import replace
from typing import Protocol

from gpt.inspect import Inspection, Looks, SeenToken
from rag.augment import Passage, augment
from rag.errors import EmptyQuestion, NotSeen
from rag.types import Evidence
from rag.wording import plainly

MAX_CHARS = 20_000  # of a passage; no window holds more, and finding that out takes long


class Glass(Protocol):
    """A reader that can be looked into."""

    def inspect(self, question: str, passage: str) -> Inspection:
        """How it reads the passage. Raises `rag.errors.NotSeen` when both together overfill the window."""

    def looks(self, question: str, passage: str, token: int) -> Looks:
        """Where a token of that prompt looks. Raises NotSeen for a token that is not there."""


def inspect(glass: Glass, question: str, evidence: Evidence) -> Inspection:
    """How `evidence` is read, which the reader sees as `augment` shows it. Characters of the passage's tokens and of the spans
    count in the document.

    Raises RagError: EmptyQuestion, NotSeen when nothing of the evidence is shown, or more than the reader can see at once.
    """
    asked, passage = _shown(question, evidence)
    found = glass.inspect(asked, passage.text)
    spans = []
    for span in found.spans:
        start, end = _in_document(passage, span.start, span.end)
        spans.append(replace(span, start=start, end=end))
    return replace(found, tokens=tuple(_placed(passage, token) for token in found.tokens), spans=tuple(spans))


def looks(glass: Glass, question: str, evidence: Evidence, token: int) -> Looks:
    """Where a token of `inspect`'s prompt looks. Raises as `inspect`, NotSeen for a token that is not there."""
    asked, passage = _shown(question, evidence)
    return glass.looks(asked, passage.text, token)


def _shown(question: str, evidence: Evidence) -> tuple[str, Passage]:
    asked = plainly(question)
    if not asked:
        raise EmptyQuestion
    if len(evidence.text) > MAX_CHARS:
        raise NotSeen(
            f"a passage of {len(evidence.text)} characters is too long to look into; choose at most {MAX_CHARS}"
        )
    [passage] = augment([evidence])
    if not passage.text:
        raise NotSeen("these characters are white space alone; choose some with words")
    return asked, passage


def _placed(passage: Passage, token: SeenToken) -> SeenToken:
    if token.part != "passage":
        return token
    start, end = _in_document(passage, token.start, token.end)
    return replace(token, start=start, end=end)


def _in_document(passage: Passage, start: int, end: int) -> tuple[int, int]:
    """The characters behind [start, end) of what is shown; none of them for a token that is part of a character."""
    begin = passage.evidence.start
    if start == end:
        at = begin + passage.offsets[min(start, len(passage.offsets) - 1)]
        return at, at
    first, last = passage.origin(start, end)
    return begin + first, begin + last
