"""POST /v1/search: the passages nearest to a query, without reading them."""

from __future__ import annotations

from fastapi import APIRouter

from api.schemas import HitOut, PassageOut, SearchOut, SearchRequest, problems
from api.service import ServiceOf
from indexer.context import Context
from indexer.types import Hit

router = APIRouter(tags=["search"])


@router.post("/v1/search", responses=problems({404: "no collection of that name"}))
def search(body: SearchRequest, service: ServiceOf) -> SearchOut:
    """The best passages for a query, by meaning and by words."""
    index = service.assistant.index
    found = index.search(body.query, n=body.n, filter=body.filter, mode=body.mode)
    around = [index.context(hit, body.context) if body.context else Context((), ()) for hit in found.hits]
    hits = tuple(_hit(hit, context) for hit, context in zip(found.hits, around, strict=True))
    return SearchOut(hits=hits, index_generation=found.generation)


def _hit(hit: Hit, around: Context) -> HitOut:
    """A hit with its neighbours and its place beside its other fields, as the command line tells it."""
    return HitOut(
        chunk_id=hit.chunk_id,
        document_id=hit.document_id,
        collection=hit.collection,
        path=hit.path,
        title=hit.title,
        start=hit.start,
        end=hit.end,
        text=hit.text,
        headings=hit.headings,
        score=hit.score,
        page=hit.place.page,
        line_start=hit.place.line_start,
        line_end=hit.place.line_end,
        cell=hit.place.cell,
        before=tuple(PassageOut.model_validate(chunk) for chunk in around.before),
        after=tuple(PassageOut.model_validate(chunk) for chunk in around.after),
    )
