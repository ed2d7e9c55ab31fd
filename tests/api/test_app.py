"""The application as a whole: loading, guards, headers, OpenAPI."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

import api.service
from api.app import create_app
from api.guard import HostPolicy, is_foreign
from api.settings import Settings
from indexer.errors import DataFolderLocked
from tests.api.fakes import FakeAssistant, fake_assistant


def test_the_service_answers_while_it_loads_and_closes_what_it_loaded(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = threading.Event()
    made: list[FakeAssistant] = []

    def assemble(settings: Settings) -> FakeAssistant:
        assert gate.wait(10)
        made.append(fake_assistant(settings.data_dir))
        return made[0]

    monkeypatch.setattr(api.service, "assemble", assemble)
    app = create_app(settings)
    with TestClient(app, base_url="http://localhost") as client:
        assert client.get("/healthz").json() == {"status": "ok"}
        early = client.get("/readyz")
        assert (early.status_code, early.headers["retry-after"]) == (503, "2")
        assert "loading" in early.json()["detail"]
        assert client.post("/v1/ask", json={"question": "why?"}).status_code == 503
        gate.set()
        app.state.service._loading.result(10)
        assert client.get("/readyz").status_code == 200
    assert made[0].closed


def test_what_could_not_be_loaded_is_told_and_reported(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    def assemble(settings: Settings) -> FakeAssistant:
        raise DataFolderLocked("another process holds the folder")

    monkeypatch.setattr(api.service, "assemble", assemble)
    app = create_app(settings)
    failed = threading.Event()
    app.state.service.failed = failed.set
    with TestClient(app, base_url="http://localhost") as client:
        assert failed.wait(10)
        response = client.get("/readyz")
    assert response.status_code == 503
    assert "another process holds the folder" in response.json()["detail"]


def test_a_given_assistant_stays_open(settings: Settings, assistant: FakeAssistant) -> None:
    with TestClient(create_app(settings, assistant), base_url="http://localhost"):  # type: ignore[arg-type]
        pass
    assert not assistant.closed


@pytest.mark.parametrize("host", ["evil.example", "localhost.evil.example", "127.0.0.1.nip.io", "10.0.0.5", "", "[::1"])
def test_a_request_for_another_host_is_misdirected(client: TestClient, host: str) -> None:
    response = client.get("/v1/documents", headers={"Host": host})
    assert response.status_code == 421
    assert response.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:8000", "127.0.0.1:9", "[::1]:8000"])
def test_the_local_names_are_answered_on_any_port(client: TestClient, host: str) -> None:
    assert client.get("/v1/documents", headers={"Host": host}).status_code == 200


def test_a_service_on_every_address_answers_to_literal_addresses_and_configured_names_only() -> None:
    policy = HostPolicy("0.0.0.0", also=["Study.example"])
    admitted = [host for host in ("10.0.0.5:80", "study.example", "evil.example", "[fe80::1]") if policy.admits(host)]
    assert admitted == ["10.0.0.5:80", "study.example", "[fe80::1]"]
    assert not HostPolicy("127.0.0.1").admits("10.0.0.5")


@pytest.mark.parametrize("origin", ["https://evil.example", "http://localhost:9999", "null"])
def test_a_page_of_another_origin_may_not_change_anything(client: TestClient, origin: str) -> None:
    upload = client.post("/v1/documents", files={"file": ("a.md", b"# A")}, headers={"Origin": origin})
    delete = client.delete("/v1/documents/x", headers={"Origin": origin})
    assert (upload.status_code, delete.status_code) == (403, 403)
    assert client.get("/v1/documents").json()["total"] == 0


def test_its_own_page_may_change_things() -> None:
    assert not is_foreign("POST", "http://localhost:8000", "localhost:8000")
    assert not is_foreign("POST", None, "localhost:8000")
    assert not is_foreign("GET", "https://evil.example", "localhost:8000")


def test_no_response_carries_a_cross_origin_permission(client: TestClient) -> None:
    headers = {"Origin": "https://evil.example", "Access-Control-Request-Method": "POST"}
    for response in (client.options("/v1/ask", headers=headers), client.get("/v1/documents", headers=headers)):
        assert not [name for name in response.headers if name.startswith("access-control")]


@pytest.mark.parametrize("path", ["/", "/static/app.js", "/v1/documents", "/nothing", "/healthz", "/openapi.json"])
def test_every_response_carries_the_security_headers(client: TestClient, path: str) -> None:
    headers = client.get(path).headers
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-frame-options"] == "DENY"
    assert headers["referrer-policy"] == "no-referrer"
    assert "default-src 'none'" in headers["content-security-policy"]
    assert "unsafe" not in headers["content-security-policy"]


def test_an_internal_error_carries_the_security_headers_too(
    client: TestClient, assistant: FakeAssistant, bigram: str
) -> None:
    response = client.post("/v1/ask", json={"question": "crash of the bigram model"})
    assert (response.status_code, response.headers["x-content-type-options"]) == (500, "nosniff")


def test_answers_about_the_materials_are_never_cached(client: TestClient) -> None:
    assert client.get("/v1/documents").headers["cache-control"] == "no-store"


def test_a_body_over_the_limit_is_refused_whether_its_size_is_announced_or_not(client: TestClient) -> None:
    def chunks() -> Any:
        for _ in range(40):
            yield b" " * (1 << 15)

    headers = {"Content-Type": "application/json"}
    announced = client.post("/v1/ask", content=b" " * (1 << 20) + b"{}", headers=headers)
    streamed = client.post("/v1/ask", content=chunks(), headers=headers)
    assert (announced.status_code, streamed.status_code) == (413, 413)
    assert "1 MiB" in announced.json()["detail"]
    assert announced.json()["detail"] == streamed.json()["detail"]


@pytest.fixture(scope="module")
def openapi(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return create_app(Settings(data_dir=Path(tmp_path_factory.mktemp("data")))).openapi()


def test_openapi_names_every_route_of_the_contract(openapi: dict[str, Any]) -> None:
    routes = {f"{method.upper()} {path}" for path, item in openapi["paths"].items() for method in item}
    assert routes == {
        *("POST /v1/ask", "POST /v1/search", "GET /v1/collections", "GET /healthz", "GET /readyz"),
        *("POST /v1/inspect", "POST /v1/inspect/attention", "GET /v1/documents", "POST /v1/documents"),
        *("GET /v1/documents/{document_id}", "DELETE /v1/documents/{document_id}"),
        *("GET /v1/documents/{document_id}/content", "GET /v1/documents/{document_id}/text"),
        *("GET /v1/jobs", "GET /v1/jobs/{job_id}", "GET /v1/jobs/{job_id}/events"),
    }


def test_openapi_tells_errors_as_problems_and_questions_by_example(openapi: dict[str, Any]) -> None:
    for item in openapi["paths"].values():
        for operation in item.values():
            errors = {status: response for status, response in operation["responses"].items() if status >= "400"}
            assert {"403", "413", "421", "422", "500", "503"} <= set(errors)
            assert all(list(response["content"]) == ["application/problem+json"] for response in errors.values())
    assert openapi["components"]["schemas"]["AskRequest"]["properties"]["question"]["examples"]
    assert "HTTPValidationError" not in str(openapi["paths"])


def test_no_page_that_loads_from_elsewhere_is_served(client: TestClient) -> None:
    assert {client.get(path).status_code for path in ("/docs", "/redoc")} == {404}
