"""/healthz: the process is alive. /readyz: it can answer questions."""

from __future__ import annotations

from fastapi import APIRouter

from api.guard import MIB
from api.schemas import HealthOut, ReadyOut, problems
from api.service import ServiceOf

router = APIRouter(tags=["health"])


@router.get("/healthz")
async def healthz() -> HealthOut:
    """Answers as long as the process runs."""
    return HealthOut()


@router.get("/readyz", responses=problems({503: "the index is not open or the model not loaded; `detail` says why"}))
def readyz(service: ServiceOf) -> ReadyOut:
    """Whether the index is open and the model loaded, and which they are."""
    assistant = service.assistant
    status = assistant.index.status()
    return ReadyOut(
        model=assistant.model,
        embedding_model=status.embedding_model,
        n_documents=status.n_documents,
        n_chunks=status.n_chunks,
        index_generation=status.generation,
        max_upload_bytes=service.settings.max_upload_mb * MIB,
    )
