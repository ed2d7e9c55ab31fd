"""GET /v1/collections."""

from __future__ import annotations

from fastapi import APIRouter

from api.schemas import CollectionOut, CollectionsOut
from api.service import ServiceOf

router = APIRouter(tags=["documents"])


@router.get("/v1/collections")
def list_collections(service: ServiceOf) -> CollectionsOut:
    """All collections with what they hold, by name."""
    found = service.assistant.index.collections()
    return CollectionsOut(collections=tuple(CollectionOut.model_validate(each) for each in found))
