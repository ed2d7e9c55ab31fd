"""POST /v1/ask: one question, one cited answer, whole or as a stream of events."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from api.bridge import EventStream, encode, iterate
from api.errors import DOMAIN, internal_problem, problem
from api.schemas import AnswerOut, AskRequest, CitationOut, EvidenceOut, problems
from api.service import ServiceOf
from rag.types import Answered, Cited, Event, EvidenceFound, Question, TokenRead

router = APIRouter(tags=["ask"])

GONE = 499  # nginx's number for a client that went away; nobody is left to read it
STREAM: dict[str, Any] = {
    "content": {
        "text/event-stream": {
            "schema": {"type": "string"},
            "example": 'event: token\ndata: {"text": "keys and values"}\n\nevent: done\ndata: {}\n\n',
        }
    },
    "description": "the answer; with `Accept: text/event-stream` as events `evidence`, `token`..., `citation`..., "
    "`answer` (or `error`, a problem), `done`",
}
ERRORS = problems({404: "no collection of that name", 409: "nothing is indexed, or it changed meanwhile"})


@router.post("/v1/ask", response_model=AnswerOut, responses={200: STREAM, **ERRORS})
async def ask(request: Request, body: AskRequest, service: ServiceOf) -> Response | AnswerOut:
    """Answers a question from the indexed materials with the exact words it came from, or says it is not in them."""
    question = Question(body.question, body.collection, body.n_evidence, body.filter)
    events = iterate(service.assistant.pipeline.events(question), service.reading)
    if "text/event-stream" in request.headers.get("accept", ""):
        # The first event is made before the response begins, so that what fails at once has its proper status.
        first = await anext(events)
        return EventStream(_stream(first, events))
    async with aclosing(events):
        async for event in events:
            if isinstance(event, Answered):
                return AnswerOut.model_validate(event.answer)
            if await request.is_disconnected():
                break
    return Response(status_code=GONE)


async def _stream(first: Event, rest: AsyncGenerator[Event]) -> AsyncGenerator[bytes]:
    """The events on the wire; an error after the first event becomes the event `error`."""
    async with aclosing(rest):
        try:
            async for event in _chain(first, rest):
                yield encode(*_wire(event))
        except DOMAIN as error:
            yield encode("error", json.dumps(problem(error)))
        except Exception as error:
            yield encode("error", json.dumps(internal_problem(error)))
            raise
        yield encode("done", "{}")


async def _chain(first: Event, rest: AsyncIterator[Event]) -> AsyncIterator[Event]:
    yield first
    async for event in rest:
        yield event


def _wire(event: Event) -> tuple[str, str]:
    """An event's name and its JSON."""
    match event:
        case EvidenceFound(evidence):
            passages = [EvidenceOut.model_validate(item).model_dump(mode="json") for item in evidence]
            return "evidence", json.dumps({"evidence": passages})
        case TokenRead(text):
            return "token", json.dumps({"text": text})
        case Cited(citation):
            return "citation", CitationOut.model_validate(citation).model_dump_json()
        case Answered(answer):
            return "answer", AnswerOut.model_validate(answer).model_dump_json()
