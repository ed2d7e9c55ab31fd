"""POST /v1/inspect and /v1/inspect/attention."""

from __future__ import annotations

from typing import Any

import pytest
from fastapi.testclient import TestClient

from tests.api.fakes import NOTE

QUESTION = "What does a bigram model predict the next token from?"
START = NOTE.index("A bigram")
END = NOTE.index("\n\n## Limits")


def asked(note: str, **changes: Any) -> dict[str, Any]:
    return {"question": QUESTION, "document_id": note, "start": START, "end": END, **changes}


def test_a_reading_is_shown_in_the_documents_characters(client: TestClient, bigram: str) -> None:
    found = client.post("/v1/inspect", json=asked(bigram)).json()
    passage = [token for token in found["tokens"] if token["part"] == "passage"]
    assert "".join(token["text"] for token in passage) == NOTE[START:END]
    assert all(NOTE[token["start"] : token["end"]] == token["text"] for token in passage)
    [span] = found["spans"]
    assert NOTE[span["start"] : span["end"]].strip() == "counts."
    assert found["tokens"][span["first"]]["text"].strip() == "counts."
    assert {len(layer) for layer in (*found["first"], *found["last"])} == {len(found["tokens"])}
    assert (found["model"], found["nothing"]) == ("fake", 0.25)
    assert max(found["words"], key=lambda word: word["effect"])["first"] == span["first"]


def test_the_evidence_of_an_answer_can_be_looked_into(client: TestClient, bigram: str) -> None:
    answer = client.post("/v1/ask", json={"question": QUESTION}).json()
    place = {key: answer["evidence"][0][key] for key in ("document_id", "start", "end")}
    found = client.post("/v1/inspect", json={"question": f"Please tell me: {QUESTION}", **place}).json()
    assert found["asked"] == answer["asked"] == QUESTION
    assert "".join(t["text"] for t in found["tokens"] if t["part"] == "question") == QUESTION * 2


def test_attention_is_of_one_token(client: TestClient, bigram: str) -> None:
    found = client.post("/v1/inspect/attention", json=asked(bigram, token=4)).json()
    assert found["token"] == 4
    assert [sum(head) for layer in found["weights"] for head in layer] == [1.0, 1.0]
    assert found["weights"][0][0].index(1.0) == 3


@pytest.mark.parametrize(
    ("changes", "status", "complaint"),
    [
        ({"document_id": "nowhere"}, 404, "nowhere"),
        ({"start": 20, "end": 20}, 422, "[20, 20) is no passage of a text of"),
        ({"end": 10_000}, 422, "10000) is no passage of a text of"),
        ({"question": "  "}, 422, "the question is empty"),
        ({"start": len(NOTE) - 1, "end": len(NOTE)}, 422, "white space alone"),
        ({"token": 10_000}, 422, "token 10000 does not exist"),
        ({"token": -1}, 422, "'token' does not fit"),
    ],
)
def test_what_cannot_be_looked_into_is_a_problem(
    client: TestClient, bigram: str, changes: dict[str, Any], status: int, complaint: str
) -> None:
    path = "/v1/inspect/attention" if "token" in changes else "/v1/inspect"
    response = client.post(path, json=asked(bigram, **changes))
    assert response.status_code == status
    assert response.headers["content-type"] == "application/problem+json"
    assert complaint in response.json()["detail"]
