"""POST /v1/inspect: inside the reader, for one passage: where it points after each layer, what its answer rests on, and
(/v1/inspect/attention) where a token looks."""

from __future__ import annotations

from anyio import to_thread
from fastapi import APIRouter

import rag.inspect
from api.errors import OutOfText
from api.schemas import AttentionOut, AttentionRequest, InspectionOut, InspectRequest, problems
from api.service import Service, ServiceOf
from rag.retrieve import evidence_at
from rag.types import Evidence
from rag.wording import plainly

router = APIRouter(prefix="/v1/inspect", tags=["inspect"])

ERRORS = problems({404: "no document of that id"})


@router.post("", responses=ERRORS)
async def inspect(body: InspectRequest, service: ServiceOf) -> InspectionOut:
    """How the model reads a passage for a question. Takes as long as reading it once for each of its words."""

    def look() -> InspectionOut:
        found = rag.inspect.inspect(service.assistant.glass, body.question, _evidence(service, body))
        asked = plainly(body.question)
        return InspectionOut.model_validate({"model": service.assistant.model, "asked": asked, **vars(found)})

    return await to_thread.run_sync(look, limiter=service.reading)


@router.post("/attention", responses=ERRORS)
async def attention(body: AttentionRequest, service: ServiceOf) -> AttentionOut:
    """Where one token of the same prompt looks, in each layer and head."""

    def look() -> AttentionOut:
        evidence = _evidence(service, body)
        return AttentionOut.model_validate(
            rag.inspect.looks(service.assistant.glass, body.question, evidence, body.token)
        )

    return await to_thread.run_sync(look, limiter=service.reading)


def _evidence(service: Service, body: InspectRequest) -> Evidence:
    index = service.assistant.index
    n_chars = index.document(body.document_id).n_chars
    if not body.start < body.end <= n_chars:
        raise OutOfText(f"[{body.start}, {body.end}) is no passage of a text of {n_chars} characters")
    return evidence_at(index, body.document_id, body.start, body.end)
