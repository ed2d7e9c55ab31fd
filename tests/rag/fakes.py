"""A retriever over a dict of texts and a reader that points at the sentence sharing most words with the question."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence

from gpt.inspect import Inspection, Looks, Part, Pointed, SeenToken, WordEffect
from indexer.types import Filter
from rag.errors import EvidenceGone, NotSeen, QuestionTooLong
from rag.ports import Reading, Retrieved, Span
from rag.types import Citation, Evidence

_WORD = re.compile(r"\w+")


def words(text: str) -> set[str]:
    return set(_WORD.findall(text.casefold()))


def evidence_of(text: str, document: str | None = None, start: int = 0, name: str = "notes.md") -> Evidence:
    """Evidence `text` standing at `start` of a document (by default of one that holds nothing else)."""
    document = text if document is None else document
    assert document[start : start + len(text)] == text
    sha256 = hashlib.sha256(document.encode("utf-8", "surrogatepass")).hexdigest()
    return Evidence(f"{name}#{start}", name, name.title(), name, sha256, start, start + len(text), text, 1.0)


class FakeRetriever:
    """Every paragraph of every text is a passage; the collection "empty" exists and holds nothing."""

    def __init__(self, texts: dict[str, str]) -> None:
        self.texts = dict(texts)

    def retrieve(self, query: str, *, n_evidence: int, filter: Filter) -> Retrieved:
        found = [] if filter.collection == "empty" else [e for name, text in self.texts.items() for e in self._cut(name, text)]
        ranked = sorted(found, key=lambda evidence: -len(words(evidence.text) & words(query)))
        return Retrieved(tuple(ranked[:n_evidence]), generation=7)

    def closeness(self, question: str, sentences: Sequence[str]) -> Sequence[float] | None:
        return None

    def cite(self, evidence: Evidence, start: int, end: int) -> Citation:
        text = self.texts.get(evidence.document_id)
        if text is None:
            raise EvidenceGone(evidence.path)
        first, last = evidence.start + start, evidence.start + end
        sha256 = evidence_of(text, name=evidence.document_id).sha256
        return Citation(evidence.document_id, evidence.title, evidence.path, sha256, text[first:last], first, last)

    @staticmethod
    def _cut(name: str, text: str) -> list[Evidence]:
        return [evidence_of(m[0], text, m.start(), name) for m in re.finditer(r"\S[^\n]*(\n[^\n]+)*", text)]


class FakeReader:
    """Points at the sentence with most of the question's words, piece by piece; never at one that shares none."""

    name = "fake"

    def __init__(self, threshold: float = 0.25, window_words: int = 50) -> None:
        self.threshold = threshold
        self._window_words = window_words

    def read(self, question: str, passages: Sequence[str]) -> Reading:
        if len(question.split()) > self._window_words:
            raise QuestionTooLong(f"the question has {len(question.split())} words; ask with {self._window_words}")
        asked = words(question)
        spans = [
            Span(i, m.start(), m.end(), len(asked & words(m[0])) / len(asked), tuple(re.findall(r"\s?\S+|\s", m[0])))
            for i, passage in enumerate(passages)
            for m in re.finditer(r"[^.!?]+[.!?]?", passage)
        ]
        spans.sort(key=lambda span: -span.score)
        return Reading(tuple(spans), spans[0].score if spans else 0.0)


class FakeGlass:
    """A reader of two layers and one head whose tokens are words. It points at the passage's last word, at its first after
    the first layer, rests on that word alone, and looks at the token before."""

    def inspect(self, question: str, passage: str) -> Inspection:
        tokens = self._tokens(question, passage)
        last = max(i for i, token in enumerate(tokens) if token.part == "passage")
        first = next(i for i, token in enumerate(tokens) if token.part == "passage")
        layers = tuple(tuple(float(i == at) for i in range(len(tokens))) for at in (first, last))
        best = Pointed(last, last, tokens[last].start, tokens[last].end, 0.75, 2.0)
        effects = tuple(
            WordEffect(i, i, 3.0 if i == last else 0.0) for i, token in enumerate(tokens) if token.part == "passage"
        )
        return Inspection(tokens, layers, layers, (best,), 0.25, effects)

    def looks(self, question: str, passage: str, token: int) -> Looks:
        tokens = self._tokens(question, passage)
        if token >= len(tokens):
            raise NotSeen(f"token {token} does not exist; this prompt has {len(tokens)}, counted from 0")
        weights = tuple(float(i == max(0, token - 1)) for i in range(len(tokens)))
        return Looks(token, ((weights,), (weights,)))

    @staticmethod
    def _tokens(question: str, passage: str) -> tuple[SeenToken, ...]:
        def of(text: str, part: Part, other: str) -> list[SeenToken]:
            found = re.finditer(r"\s?\S+|\s", text)
            return [SeenToken(m[0], part, "word" if words(m[0]) & words(other) else "no", *m.span()) for m in found]

        asked, read = of(question, "question", passage), of(passage, "passage", question)
        sign, sep, end = (SeenToken(f"<|{name}|>", "sign", "no", 0, 0) for name in ("question", "passage", "answer"))
        return (sign, *asked, sep, *read, sign, *asked, end)
