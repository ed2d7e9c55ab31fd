"""The one place where errors become HTTP: a table from domain error to status, told as problem+json (RFC 9457).

APIError
├── NotReady         the index or the model is still loading, or could not be loaded
├── JobNotFound      no job of that id (finished jobs are kept for a while only)
├── TooManyJobs      too many uploads wait already
├── EmptyUpload      the uploaded file holds no bytes
├── UnnamedUpload    the uploaded file has no name left once folders and control characters are gone
├── UploadTooLarge   the request's body is over the limit
├── UnknownHost      the request is addressed to a host name this service does not answer to
├── ForeignOrigin    a page of another site asks for a change
└── OutOfText        the asked range of characters does not lie in the document
Each message names the value and the remedy in one line.
"""

from __future__ import annotations

import logging
import re
import uuid
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response

import gpt.errors as gpt
import indexer.errors as indexer
import rag.errors as rag
from api.headers import SECURITY_HEADERS

MEDIA_TYPE = "application/problem+json"
RETRY_AFTER_S = 2  # loading the models and one upload take seconds, not minutes

logger = logging.getLogger(__name__)


class APIError(Exception):
    """Base of every error the HTTP service raises on purpose."""


class NotReady(APIError):
    """The index or the model is still loading, or could not be loaded."""


class JobNotFound(APIError):
    """No job of that id."""


class TooManyJobs(APIError):
    """Too many uploads wait already."""


class EmptyUpload(APIError):
    """The uploaded file holds no bytes."""


class UnnamedUpload(APIError):
    """The uploaded file has no name."""


class UploadTooLarge(APIError):
    """The request's body is over the limit."""


class UnknownHost(APIError):
    """The request is addressed to a host name this service does not answer to."""


class ForeignOrigin(APIError):
    """A page of another site asks for a change."""


class OutOfText(APIError):
    """The asked range of characters does not lie in the document."""


STATUS: dict[type[Exception], int] = {
    NotReady: 503,
    JobNotFound: 404,
    TooManyJobs: 503,
    EmptyUpload: 422,
    UnnamedUpload: 422,
    UploadTooLarge: 413,
    UnknownHost: 421,
    ForeignOrigin: 403,
    OutOfText: 422,
    rag.EmptyQuestion: 422,
    rag.QuestionTooLong: 422,
    rag.UnknownCollection: 404,
    rag.NothingIndexed: 409,
    rag.EvidenceGone: 409,
    rag.NotSeen: 422,
    gpt.ContextTooLong: 422,
    gpt.CheckpointError: 503,
    indexer.UnsupportedFormat: 415,
    indexer.LoadError: 422,
    indexer.CollectionNotFound: 404,
    indexer.DocumentNotFound: 404,
    indexer.DataFolderLocked: 503,
    indexer.DataFolderUnusable: 507,
    indexer.EmbeddingModelError: 503,
    indexer.ParserUnavailable: 503,
}
"""Status of each error, looked up along its bases. An error that is not here is ours, not the client's: 500."""

DOMAIN = (APIError, rag.RagError, gpt.GPTError, indexer.IndexerError)


def status_of(error: Exception) -> int:
    """The HTTP status of an error: that of its class or of the nearest base in the table, else 500."""
    return next((STATUS[kind] for kind in type(error).__mro__ if kind in STATUS), 500)


def problem(error: Exception) -> dict[str, Any]:
    """A domain error as the members of a problem; the title is its class's one-line docstring."""
    name = type(error).__name__
    slug = re.sub(r"(?<=[a-z])(?=[A-Z])", "-", name).lower()
    title = (type(error).__doc__ or name).strip().splitlines()[0].rstrip(".")
    return {
        "type": f"urn:problem-type:studygpt:{slug}",
        "title": title,
        "status": status_of(error),
        "detail": str(error),
    }


def internal_problem(error: BaseException) -> dict[str, Any]:
    """An unforeseen error as a problem that hides what happened and names the log entry that tells it."""
    error_id = uuid.uuid4().hex[:12]
    logger.error("error %s", error_id, exc_info=error)
    detail = f"something went wrong in the service; its log tells what, under error {error_id}"
    return {"type": "about:blank", "title": HTTPStatus(500).phrase, "status": 500, "detail": detail, "id": error_id}


def respond(members: Mapping[str, Any], headers: Mapping[str, str] | None = None) -> Response:
    """The response that carries a problem."""
    status = int(members["status"])
    retry = {"Retry-After": str(RETRY_AFTER_S)} if status == 503 else {}
    return JSONResponse(
        dict(members), status, headers={**SECURITY_HEADERS, **retry, **(headers or {})}, media_type=MEDIA_TYPE
    )


def install(app: FastAPI) -> None:
    """Makes every error of the app, foreseen or not, a problem."""
    for kind in DOMAIN:
        app.add_exception_handler(kind, _domain_error)
    app.add_exception_handler(RequestValidationError, _invalid_request)
    app.add_exception_handler(HTTPException, _http_error)
    app.add_exception_handler(Exception, _unforeseen)


async def _domain_error(_request: Request, error: Exception) -> Response:
    members = problem(error)
    if members["status"] == 500:
        logger.error("%s", error, exc_info=error)
    return respond(members)


async def _unforeseen(_request: Request, error: Exception) -> Response:
    return respond(internal_problem(error))


async def _http_error(request: Request, error: Exception) -> Response:
    """Errors of the router itself: no such path, method not allowed, malformed form."""
    if not isinstance(error, HTTPException):
        raise error
    phrase = HTTPStatus(error.status_code).phrase
    details = {
        404: f"there is nothing at {request.url.path}",
        405: f"{request.method} is not possible at {request.url.path}",
    }
    detail = details.get(error.status_code, str(error.detail))
    return respond(
        {"type": "about:blank", "title": phrase, "status": error.status_code, "detail": detail}, error.headers
    )


async def _invalid_request(_request: Request, error: Exception) -> Response:
    """A body, form or query that does not fit its schema; names every key and what is wrong with it."""
    if not isinstance(error, RequestValidationError):
        raise error
    errors = [{"key": _key(each["loc"]), "detail": _explain(each)} for each in error.errors()]
    members = {
        "type": "urn:problem-type:studygpt:invalid-request",
        "title": "The request does not fit its schema",
        "status": 422,
        "detail": "; ".join(each["detail"] for each in errors),
        "errors": errors,
    }
    return respond(members)


def _key(location: Sequence[str | int]) -> str:
    """The dotted name of what is wrong, without the part of the request it stands in."""
    return ".".join(str(part) for part in location[1:]) or str(location[0])


def _explain(error: Mapping[str, Any]) -> str:
    """One validation error in words that name the key."""
    key = _key(error["loc"])
    match error["type"]:
        case "extra_forbidden":
            return f"unknown key {key!r}"
        case "missing":
            return f"{key!r} is missing"
        case "json_invalid":
            return f"the body is not JSON: {error['ctx']['error']}"
        case _:
            return f"{key!r} does not fit: {error['msg'][:1].lower()}{error['msg'][1:]}"
