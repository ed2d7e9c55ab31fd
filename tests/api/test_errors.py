"""Errors as problems."""

from __future__ import annotations

import pytest
from fastapi.testclient import TestClient

import gpt.errors
import indexer.errors
import rag.errors
from api import errors


def classes(module: object, base: type[Exception]) -> list[type[Exception]]:
    return [kind for kind in vars(module).values() if isinstance(kind, type) and issubclass(kind, base)]


EVERY_ERROR = [
    *classes(errors, errors.APIError),
    *classes(rag.errors, rag.errors.RagError),
    *classes(gpt.errors, gpt.errors.GPTError),
    *classes(indexer.errors, indexer.errors.IndexerError),
]


@pytest.mark.parametrize("kind", EVERY_ERROR, ids=lambda kind: kind.__name__)
def test_every_domain_error_has_a_status_a_type_and_a_one_line_title(kind: type[Exception]) -> None:
    error = Exception.__new__(kind, "the words")
    told = errors.problem(error)
    assert 400 <= told["status"] < 600
    assert told["type"].startswith("urn:problem-type:studygpt:")
    assert told["title"]
    assert "\n" not in told["title"]
    assert not told["title"].endswith(".")


def test_an_error_that_is_not_in_the_table_takes_the_status_of_its_nearest_base() -> None:
    class Password(indexer.errors.LoadError):
        """A password is needed."""

    told = errors.problem(Password("locked.pdf needs a password"))
    assert told == {
        "type": "urn:problem-type:studygpt:password",
        "title": "A password is needed",
        "status": 422,
        "detail": "locked.pdf needs a password",
    }


def test_an_error_of_ours_is_a_500() -> None:
    assert errors.status_of(indexer.errors.StoreCorrupt("x")) == 500


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/nothing", 404), ("GET", "/static/nothing.js", 404), ("PUT", "/v1/ask", 405), ("GET", "/v1/ask/", 404)],
)
def test_the_routers_own_errors_are_problems(client: TestClient, method: str, path: str, status: int) -> None:
    response = client.request(method, path)
    assert (response.status_code, response.json()["status"]) == (status, status)
    assert response.headers["content-type"] == "application/problem+json"
    assert path in response.json()["detail"]


def test_a_refused_method_tells_those_that_are_allowed(client: TestClient) -> None:
    assert client.put("/v1/ask").headers["allow"] == "POST"


def test_a_body_that_is_not_json_is_told_so(client: TestClient) -> None:
    response = client.post("/v1/ask", content=b"{question", headers={"Content-Type": "application/json"})
    assert response.status_code == 422
    assert "not JSON" in response.json()["detail"]


def test_a_body_that_is_not_called_json_is_not_read_as_json(client: TestClient) -> None:
    response = client.post("/v1/ask", content=b'{"question": "why?"}', headers={"Content-Type": "text/plain"})
    assert response.status_code == 422


def test_every_key_that_does_not_fit_is_named(client: TestClient) -> None:
    response = client.post("/v1/search", json={"n": 0, "mode": "magic", "colour": "red"})
    assert {each["key"] for each in response.json()["errors"]} == {"query", "n", "mode", "colour"}
    assert "unknown key 'colour'" in response.json()["detail"]
