"""A quote inside the sentences around it, and a place in words, for people to read. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass

from api.console import one_line
from rag.types import Answer, Citation

MAX_CONTEXT_CHARS = 240  # on either side of a quote: about three lines
_SENTENCE_END = re.compile(r"[.!?…][\"'”’)\]]*\s+(?=\S)|\n\s*\n\s*|\n(?=\s*(?:[#|>*+-]|\d+\.)\s)")


@dataclass(frozen=True, slots=True)
class Excerpt:
    """The quote, with what precedes and follows it in its first and last sentence; each on one line."""

    before: str
    quote: str
    after: str


def excerpt(text: str, start: int, end: int) -> Excerpt:
    """The sentences of `text` that hold the characters [start, end), cut to whole words where they are very long."""
    first = max((m.end() for m in _SENTENCE_END.finditer(text, 0, start + 1) if m.end() <= start), default=0)
    stop = _SENTENCE_END.search(text, max(end - 1, start))
    last = stop.end() if stop else len(text)
    before, after = text[first:start], text[end : max(last, end)].rstrip()
    if len(before) > MAX_CONTEXT_CHARS:
        before = "… " + before[-MAX_CONTEXT_CHARS:].partition(" ")[2]
    if len(after) > MAX_CONTEXT_CHARS:
        after = after[:MAX_CONTEXT_CHARS].rpartition(" ")[0] + " …"
    return Excerpt(_joined(before), one_line(text[start:end]), _joined(after))


def cited_excerpt(answer: Answer, citation: Citation) -> Excerpt:
    """The excerpt of the passage that was read; without such a passage, the quote alone."""
    for evidence in answer.evidence:
        if evidence.document_id == citation.document_id and evidence.start <= citation.start < evidence.end:
            return excerpt(evidence.text, citation.start - evidence.start, citation.end - evidence.start)
    return Excerpt("", one_line(citation.quote), "")


def preview(text: str) -> str:
    """The beginning of a passage on one line, to a whole word."""
    line = one_line(text)
    return line if len(line) <= MAX_CONTEXT_CHARS else line[:MAX_CONTEXT_CHARS].rpartition(" ")[0] + " …"


def place_words(page: int | None, line_start: int | None, line_end: int | None, cell: int | None) -> str:
    """As in "page 3" or "cell 2, lines 4-6"; empty when nothing is known."""
    parts = [f"page {page}" if page else "", f"cell {cell}" if cell else ""]
    if line_start:
        many = line_end is not None and line_end > line_start
        parts.append(f"lines {line_start}-{line_end}" if many else f"line {line_start}")
    return ", ".join(part for part in parts if part)


def source_words(title: str, path: str, place: str) -> str:
    """The title, the path unless it says the same, and the place, on one line."""
    name = title if title in ("", path) else f"{title} ({path})"
    return one_line(", ".join(part for part in (name or path, place) if part))


def _joined(text: str) -> str:
    """On one line, keeping whether there is white space at either end."""
    inner = one_line(text)
    left = " " if inner and text[:1].isspace() else ""
    right = " " if text[-1:].isspace() else ""
    return left + inner + right
