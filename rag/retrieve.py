"""The index as a retriever: finds passages worth reading and vouches for their words."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from indexer.errors import DocumentNotFound
from indexer.query import plain
from indexer.types import Filter
from rag.closeness import MEASURED_WITH
from rag.defining import asked_term, tells, with_defining
from rag.errors import EvidenceGone, UnknownCollection
from rag.ports import Retrieved
from rag.types import Citation, Evidence

if TYPE_CHECKING:
    from indexer.index import Index
    from indexer.types import Hit

CANDIDATES_PER_EVIDENCE = 3  # so that dropping near-duplicates still leaves enough to read
CANDIDATES_TO_DEFINE = 12  # among which one that defines what is asked for is looked for
SAME_TEXT = 0.8  # of two passages' three-word sequences in common: one is a copy of the other
_WORD = re.compile(r"\w+")


class IndexRetriever:
    """Retrieves from an `indexer.index.Index`, whose life it does not own."""

    def __init__(self, index: Index) -> None:
        self._index = index

    def retrieve(self, query: str, *, n_evidence: int, filter: Filter) -> Retrieved:
        """The best passages without near-duplicates; none when nothing is indexed. To a question of what something is, some
        that tell are among them (rag/defining.py). Raises UnknownCollection."""
        if not holds_passages(self._index, filter.collection):
            return Retrieved((), self._index.generation)
        term = asked_term(query)
        per_evidence = CANDIDATES_PER_EVIDENCE if term is None else CANDIDATES_TO_DEFINE
        result = self._index.search(plain(query), n=per_evidence * n_evidence, filter=filter)
        hits = drop_near_duplicates(result.hits, n_evidence)
        if term is not None:
            known = {hit.chunk_id for hit in hits}
            others = [hit for hit in result.hits if hit.chunk_id not in known and tells(hit.text, term)]
            ranked = drop_near_duplicates([*hits, *others], len(result.hits))
            hits = with_defining(ranked, n_evidence, lambda hit: hit.text, term)
        return Retrieved(tuple(_evidence(hit) for hit in hits), result.generation)

    def closeness(self, question: str, sentences: Sequence[str]) -> Sequence[float] | None:
        """As `rag.ports.Retriever`."""
        return self._index.cosines(question, sentences) if self._index.embedding_model == MEASURED_WITH else None

    def cite(self, evidence: Evidence, start: int, end: int) -> Citation:
        """The citation of characters [start, end) of `evidence.text`, its quote read afresh from the stored document.

        Raises EvidenceGone when the document was removed since it was found.
        """
        first, last = evidence.start + start, evidence.start + end
        try:
            document = self._index.document(evidence.document_id)
            quote = self._index.text(evidence.document_id)[first:last]
            place = self._index.locate(evidence.document_id, first, last)
        except DocumentNotFound as error:
            raise EvidenceGone(evidence.path) from error
        return Citation(
            document_id=document.document_id,
            title=document.title,
            path=document.path,
            sha256=document.sha256,
            quote=quote,
            start=first,
            end=last,
            page=place.page,
            boxes=place.boxes,
            line_start=place.line_start,
            line_end=place.line_end,
            cell=place.cell,
        )


def evidence_at(index: Index, document_id: str, start: int, end: int) -> Evidence:
    """The characters [start, end) of a document's text as evidence, found by no search. Raises DocumentNotFound."""
    document, text = index.document(document_id), index.text(document_id)[start:end]
    where = (document.title, document.path, document.sha256)
    headings = index.headings_at(document_id, start)
    return Evidence(f"{document_id}-{start}-{end}", document_id, *where, start, start + len(text), text, 0.0, headings)


def holds_passages(index: Index, collection: str | None) -> bool:
    """Whether there is anything to search. Raises UnknownCollection when others exist but not this one."""
    collections = index.collections()
    if collection is None:
        return any(one.n_chunks for one in collections)
    names = tuple(one.name for one in collections)
    if names and collection not in names:
        raise UnknownCollection(collection, names)
    return any(one.n_chunks for one in collections if one.name == collection)


def drop_near_duplicates(hits: Iterable[Hit], n: int) -> list[Hit]:
    """The first `n` hits, leaving out each whose text is nearly that of a better one.

    Nearly: the Jaccard similarity of their sets of three-word sequences is at least SAME_TEXT (Broder, 1997).
    """
    kept: list[Hit] = []
    seen: list[frozenset[tuple[str, ...]]] = []
    for hit in hits:
        if len(kept) == n:
            break
        shingles = _shingles(hit.text)
        if all(len(shingles & other) < SAME_TEXT * len(shingles | other) for other in seen):
            kept.append(hit)
            seen.append(shingles)
    return kept


def _shingles(text: str) -> frozenset[tuple[str, ...]]:
    """Every sequence of three words; of a shorter text, the text itself."""
    words = _WORD.findall(text.casefold()) or [text]
    return frozenset(zip(words, words[1:], words[2:], strict=False)) or frozenset({tuple(words)})


def _evidence(hit: Hit) -> Evidence:
    return Evidence(
        chunk_id=hit.chunk_id,
        document_id=hit.document_id,
        title=hit.title,
        path=hit.path,
        sha256=hit.sha256,
        start=hit.start,
        end=hit.end,
        text=hit.text,
        score=hit.score,
        headings=hit.headings,
    )
