"""POST /v1/search: the passages nearest to a query, without reading them."""

from __future__ import annotations

from fastapi import APIRouter

from api.schemas import HitOut, SearchOut, SearchRequest, problems
from api.service import ServiceOf
from indexer.types import Hit

router = APIRouter(tags=["search"])


@router.post("/v1/search", responses=problems({404: "no collection of that name"}))
def search(body: SearchRequest, service: ServiceOf) -> SearchOut:
    """The best passages for a query, by meaning and by words."""
    index = service.assistant.index
    found = index.search(body.query, n=body.n, collection=body.collection, mode=body.mode)
    return SearchOut(hits=tuple(_hit(hit) for hit in found.hits), index_generation=found.generation)


def _hit(hit: Hit) -> HitOut:
    """A hit with its place beside its other fields, as the command line tells it."""
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
    )
