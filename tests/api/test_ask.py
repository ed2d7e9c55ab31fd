"""POST /v1/ask."""

from __future__ import annotations

import json
from typing import Any

import anyio
import pytest
from fastapi.testclient import TestClient

from api.bridge import iterate
from rag.types import Question
from tests.api.fakes import NOTE, FakeAssistant

QUESTION = "What does a bigram model predict the next token from?"
STREAM = {"Accept": "text/event-stream"}


def events(text: str) -> list[tuple[str, Any]]:
    """(name, decoded data) of every server-sent event."""
    blocks = [block.split("\n") for block in text.split("\n\n") if block]
    return [(name.removeprefix("event: "), json.loads(data.removeprefix("data: "))) for name, data in blocks]


def test_an_answer_quotes_the_stored_text_at_its_offsets(client: TestClient, bigram: str) -> None:
    answer = client.post("/v1/ask", json={"question": QUESTION}).json()
    [citation] = answer["citations"]
    text = client.get(f"/v1/documents/{bigram}/text").json()["text"]
    assert answer["answer"] == citation["quote"] == text[citation["start"] : citation["end"]]
    assert "current token alone" in answer["answer"]
    assert (answer["abstained"], answer["verified"], citation["document_id"]) == (False, True, bigram)


def test_an_answer_has_exactly_the_members_of_the_contract(client: TestClient, bigram: str) -> None:
    answer = client.post("/v1/ask", json={"question": QUESTION}).json()
    assert set(answer) == {
        *("id", "question", "asked", "answer", "abstained", "confidence", "verified", "citations", "evidence"),
        *("model", "index_generation", "timings_ms"),
    }
    assert {"chunk_id", "document_id", "text", "score"} <= set(answer["evidence"][0])
    assert set(answer["timings_ms"]) == {"retrieve", "read", "total"}
    assert answer["citations"][0]["page"] is None


def test_a_stream_tells_evidence_tokens_citation_answer_done(client: TestClient, bigram: str) -> None:
    response = client.post("/v1/ask", json={"question": QUESTION}, headers=STREAM)
    told = events(response.text)
    names = [name for name, _ in told]
    assert response.headers["content-type"].startswith("text/event-stream")
    assert names[0] == "evidence"
    assert names[-3:] == ["citation", "answer", "done"]
    assert set(names[1:-3]) == {"token"}


def test_the_streamed_tokens_join_to_the_answer_that_is_given_whole(client: TestClient, bigram: str) -> None:
    told = events(client.post("/v1/ask", json={"question": QUESTION}, headers=STREAM).text)
    whole = client.post("/v1/ask", json={"question": QUESTION}).json()
    streamed = next(data for name, data in told if name == "answer")
    assert "".join(data["text"] for name, data in told if name == "token") == streamed["answer"] == whole["answer"]
    assert next(data for name, data in told if name == "citation") == whole["citations"][0]


def test_a_question_that_the_materials_do_not_answer_is_declined_with_its_probability(
    client: TestClient, bigram: str
) -> None:
    answer = client.post("/v1/ask", json={"question": "Who painted Guernica?"}).json()
    assert (answer["answer"], answer["abstained"], answer["citations"]) == (None, True, [])
    assert 0 <= answer["confidence"] < 0.25
    assert answer["evidence"]


@pytest.mark.parametrize("headers", [{}, STREAM])
@pytest.mark.parametrize(
    ("body", "status", "said"),
    [
        ({"question": "   "}, 422, "empty"),
        ({"question": QUESTION, "collection": "physics"}, 404, "physics"),
        ({"question": "x" * 5000}, 422, "4000"),
        ({"question": QUESTION, "n_evidence": 0}, 422, "n_evidence"),
        ({"question": QUESTION, "top_k": 3}, 422, "unknown key 'top_k'"),
        ({}, 422, "'question' is missing"),
    ],
)
def test_a_question_that_cannot_be_asked_is_refused_with_the_reason(
    client: TestClient, bigram: str, headers: dict[str, str], body: dict[str, Any], status: int, said: str
) -> None:
    response = client.post("/v1/ask", json=body, headers=headers)
    assert response.status_code == status
    assert response.headers["content-type"] == "application/problem+json"
    assert said in response.json()["detail"]


def test_a_question_to_an_empty_index_is_refused_with_the_remedy(client: TestClient) -> None:
    response = client.post("/v1/ask", json={"question": QUESTION})
    assert response.status_code == 409
    assert "index something first" in response.json()["detail"]


def test_a_question_longer_than_the_window_is_refused_and_in_a_stream_becomes_an_error_event(
    client: TestClient, bigram: str
) -> None:
    body = {"question": "why " * 60}
    whole = client.post("/v1/ask", json=body)
    told = events(client.post("/v1/ask", json=body, headers=STREAM).text)
    assert whole.status_code == 422
    assert [name for name, _ in told] == ["evidence", "error", "done"]
    assert told[1][1] == whole.json()


def test_an_unforeseen_error_hides_what_happened_and_names_the_log_entry(
    client: TestClient, bigram: str, caplog: pytest.LogCaptureFixture
) -> None:
    response = client.post("/v1/ask", json={"question": "crash of the bigram model"})
    assert response.status_code == 500
    assert "secret" not in response.text
    assert response.json()["id"] in caplog.text


def test_work_stops_between_steps_when_the_consumer_goes_away(assistant: FakeAssistant, bigram: str) -> None:
    async def leave_after_the_evidence() -> None:
        stream = iterate(assistant.pipeline.events(Question(NOTE[:60])), anyio.CapacityLimiter(1))
        await anext(stream)
        await stream.aclose()

    anyio.run(leave_after_the_evidence)
    assert assistant.reader.n_read == 0


def test_a_consumer_cancelled_while_a_step_runs_lets_it_end_and_begins_no_other(
    assistant: FakeAssistant, bigram: str
) -> None:
    closed = []

    def steps() -> Any:
        try:
            assistant.reader.read("bigram", ["bigram"])
            yield 1
            assistant.reader.read("bigram", ["bigram"])
            yield 2
        finally:
            closed.append(True)

    async def leave_in_the_middle() -> None:
        assistant.reader.gate.clear()
        with anyio.CancelScope() as scope:
            async with anyio.create_task_group() as group:
                group.start_soon(consume)
                await anyio.to_thread.run_sync(assistant.reader.entered.wait, 10)
                scope.cancel()
                assistant.reader.gate.set()

    async def consume() -> None:
        async for _ in iterate(steps(), anyio.CapacityLimiter(1)):
            pass

    anyio.run(leave_in_the_middle)
    assert (assistant.reader.n_read, closed) == (1, [True])
