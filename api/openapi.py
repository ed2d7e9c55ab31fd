"""The OpenAPI account of the service: FastAPI's, with errors in the form that they really have."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from fastapi import FastAPI

from api.errors import MEDIA_TYPE
from api.schemas import problems

EVERYWHERE = problems(
    {
        403: "a page of another site asks for a change",
        413: "the body is larger than the limit",
        421: "the Host header names another service",
        422: "the request does not fit its schema; `errors` names the keys",
        500: "something went wrong; `id` finds it in the log",
        503: "still loading, or too much is waiting; see Retry-After",
    }
)


def install(app: FastAPI) -> None:
    """Makes `app.openapi()`, and so /openapi.json, tell errors as problem+json."""
    generate = app.openapi

    def openapi() -> dict[str, Any]:
        document = generate()
        for operation in _operations(document):
            for status, response in operation["responses"].items():
                if status >= "400" and "application/json" in response.get("content", {}):
                    response["content"] = {MEDIA_TYPE: response["content"]["application/json"]}
        return document

    app.openapi = openapi  # type: ignore[method-assign]  # FastAPI's documented way to extend it


def _operations(document: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for path in document["paths"].values():
        yield from path.values()
