"""POST /v1/search."""

from __future__ import annotations

import pytest
from fastapi.testclient import TestClient

from tests.api.fakes import LOREM, FakeAssistant


def test_a_hit_is_a_slice_of_its_document_with_its_place(client: TestClient, bigram: str) -> None:
    found = client.post("/v1/search", json={"query": "table of counts", "n": 1}).json()
    [hit] = found["hits"]
    text = client.get(f"/v1/documents/{bigram}/text").json()["text"]
    assert hit["text"] == text[hit["start"] : hit["end"]]
    assert {"chunk_id", "document_id", "path", "text", "score", "page", "line_start", "cell"} <= set(hit)
    assert (hit["document_id"], hit["path"], hit["page"], hit["cell"]) == (bigram, "bigram.md", None, None)
    assert hit["line_start"] >= 1


@pytest.mark.parametrize("mode", ["hybrid", "dense", "bm25"])
def test_hits_are_those_of_the_index_best_first(
    client: TestClient, assistant: FakeAssistant, bigram: str, mode: str
) -> None:
    assistant.index.add("tea.md", LOREM.encode())
    found = client.post("/v1/search", json={"query": "green tea", "mode": mode}).json()
    expected = assistant.index.search("green tea", mode=mode)  # type: ignore[arg-type]
    assert [hit["chunk_id"] for hit in found["hits"]] == [hit.chunk_id for hit in expected.hits]
    assert found["hits"][0]["path"] == "tea.md"
    assert found["index_generation"] == expected.generation


def test_a_search_can_be_kept_to_one_collection(client: TestClient, assistant: FakeAssistant, bigram: str) -> None:
    assistant.index.add("tea.md", LOREM.encode(), collection="kitchen")
    found = client.post("/v1/search", json={"query": "token", "collection": "kitchen"}).json()
    assert {hit["path"] for hit in found["hits"]} == {"tea.md"}
    assert client.post("/v1/search", json={"query": "token", "collection": "garage"}).status_code == 404


def test_an_empty_index_has_no_hits(client: TestClient) -> None:
    assert client.post("/v1/search", json={"query": "token"}).json()["hits"] == []


def test_a_search_can_be_kept_to_a_path_a_type_and_a_time(
    client: TestClient, assistant: FakeAssistant, bigram: str
) -> None:
    assistant.index.add("kitchen/tea.txt", LOREM.encode())

    def found(**where: str) -> set[str]:
        hits = client.post("/v1/search", json={"query": "token", **where}).json()["hits"]
        return {hit["path"] for hit in hits}

    assert found() == {"bigram.md", "kitchen/tea.txt"}
    assert found(path="kitchen/*") == found(type="txt") == {"kitchen/tea.txt"}
    assert found(modified_since="2999-01-01T00:00:00Z") == set()
    assert client.post("/v1/search", json={"query": "token", "modified_since": "soon"}).status_code == 422


def test_hits_come_with_their_neighbours_when_asked(client: TestClient, assistant: FakeAssistant) -> None:
    assistant.index.add("parts.md", b"# One\n\nfirst words\n\n# Two\n\nsecond words\n\n# Three\n\nthird words\n")
    body = {"query": "second", "mode": "bm25", "n": 1}
    [hit] = client.post("/v1/search", json=body).json()["hits"]
    assert (hit["before"], hit["after"]) == ([], [])
    [hit] = client.post("/v1/search", json={**body, "context": 1}).json()["hits"]
    assert [passage["headings"] for passage in hit["before"] + hit["after"]] == [["One"], ["Three"]]
