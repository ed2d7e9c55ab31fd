"""/v1/documents: list, upload, look at and delete what is indexed."""

from __future__ import annotations

import unicodedata
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, File, Form, Query, Response, UploadFile

from api.errors import EmptyUpload, OutOfText, UnnamedUpload, UploadTooLarge
from api.guard import MIB
from api.schemas import CollectionName, DocumentOut, DocumentsOut, JobOut, TextOut, problems
from api.service import ServiceOf
from indexer.types import Place

router = APIRouter(prefix="/v1/documents", tags=["documents"])

MAX_NAME_CHARS = 200
MAX_PAGE = 1_000
BYTES: dict[str, Any] = {"content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}}
NO_DOCUMENT = {404: "no document of that id"}


@router.get("", responses=problems({404: "no collection of that name"}))
def list_documents(
    service: ServiceOf,
    collection: Annotated[CollectionName | None, Query()] = None,
    limit: Annotated[int, Query(ge=1, le=MAX_PAGE)] = 100,
    offset: Annotated[int, Query(ge=0)] = 0,
) -> DocumentsOut:
    """The documents by collection and path, of one collection or of all."""
    documents = service.assistant.index.documents(collection)
    page = documents[offset : offset + limit]
    return DocumentsOut(
        documents=tuple(DocumentOut.model_validate(document) for document in page),
        total=len(documents),
        limit=limit,
        offset=offset,
    )


@router.post("", status_code=202)
def upload(
    response: Response,
    service: ServiceOf,
    file: Annotated[UploadFile, File(description="any file that is read: Markdown, HTML, PDF, ...")],
    collection: Annotated[CollectionName, Form()] = "default",
) -> JobOut:
    """Accepts a file to index as a job; a file of the same name in the collection is replaced when the job is done."""
    index = service.assistant.index
    name = display_name(file.filename or "")
    limit = service.settings.max_upload_mb * MIB
    data = file.file.read(limit + 1)
    if not data:
        raise EmptyUpload(f"{name!r} is empty; upload a file that holds text")
    if len(data) > limit:
        raise UploadTooLarge(f"{name!r} is larger than the limit of {service.settings.max_upload_mb} MiB; split it")
    job = service.jobs.submit(
        name, collection, lambda report: index.add(name, data, collection=collection, progress=report)
    )
    response.headers["Location"] = f"/v1/jobs/{job.id}"
    return JobOut.model_validate(job)


@router.get("/{document_id}", responses=problems(NO_DOCUMENT))
def get_document(document_id: str, service: ServiceOf) -> DocumentOut:
    """One document's particulars."""
    return DocumentOut.model_validate(service.assistant.index.document(document_id))


@router.delete("/{document_id}", status_code=204, responses=problems(NO_DOCUMENT))
def delete_document(document_id: str, service: ServiceOf) -> None:
    """Removes a document and everything made from it."""
    service.assistant.index.remove(document_id)


@router.get("/{document_id}/content", response_class=Response, responses={200: BYTES, **problems(NO_DOCUMENT)})
def get_content(document_id: str, service: ServiceOf) -> Response:
    """The original bytes, always as a download: a stored page must never run as part of this site."""
    index = service.assistant.index
    name = display_name(index.document(document_id).path)
    headers = {
        "Content-Disposition": f"attachment; filename*=UTF-8''{quote(name, safe='')}",
        "Content-Security-Policy": "sandbox; default-src 'none'",
    }
    return Response(index.source(document_id), headers=headers, media_type="application/octet-stream")


@router.get("/{document_id}/text", responses=problems(NO_DOCUMENT))
def get_text(
    document_id: str,
    service: ServiceOf,
    start: Annotated[int, Query(ge=0)] = 0,
    end: Annotated[int | None, Query(ge=0, description="default: the end of the text")] = None,
) -> TextOut:
    """The extracted text, or its characters [start, end): what citations count in."""
    index = service.assistant.index
    text = index.text(document_id)
    end = len(text) if end is None else end
    if not start <= end <= len(text):
        raise OutOfText(f"[{start}, {end}) does not lie in a text of {len(text)} characters")
    place = index.locate(document_id, start, end) if start < end else Place()
    return TextOut(
        document_id=document_id,
        start=start,
        end=end,
        n_chars=len(text),
        text=text[start:end],
        page=place.page,
        line_start=place.line_start,
        line_end=place.line_end,
        cell=place.cell,
    )


def display_name(given: str) -> str:
    """A file name fit for display: no folders, no control or invisible characters, at most 200, its suffix kept.

    It names a document and is never part of a path. Raises UnnamedUpload when nothing is left.
    """
    base = given.replace("\\", "/").rstrip("/").rpartition("/")[2]
    visible = "".join(c for c in unicodedata.normalize("NFC", base) if unicodedata.category(c)[0] != "C").strip()
    if not visible.strip("."):
        raise UnnamedUpload(f"the file name {given!r} says nothing; give the file a name")
    stem, dot, suffix = visible.rpartition(".")
    if len(visible) <= MAX_NAME_CHARS or not dot:
        return visible[:MAX_NAME_CHARS]
    return f"{stem[: max(1, MAX_NAME_CHARS - len(suffix) - 1)]}.{suffix}"[:MAX_NAME_CHARS]
