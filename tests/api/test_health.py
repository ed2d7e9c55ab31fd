"""/healthz and /readyz; how they differ while loading is told in `test_app`."""

from __future__ import annotations

from fastapi.testclient import TestClient


def test_a_living_process_is_healthy(client: TestClient) -> None:
    response = client.get("/healthz")
    assert (response.status_code, response.json()) == (200, {"status": "ok"})


def test_a_ready_service_tells_its_models_what_is_indexed_and_the_upload_limit(client: TestClient, bigram: str) -> None:
    ready = client.get("/readyz").json()
    assert (ready["status"], ready["model"], ready["embedding_model"]) == ("ready", "fake", "hash")
    assert (ready["n_documents"], ready["max_upload_bytes"]) == (1, 1 << 20)
    assert ready["n_chunks"] >= 1
