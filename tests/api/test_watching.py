"""The service's watched folder: a collection of its name, each change a job, visible in search."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from api.app import create_app
from api.jobs import Jobs, Report, Stopped
from api.settings import Settings
from indexer.errors import PathNotFound
from indexer.types import Progress
from tests.api.fakes import FakeAssistant

WAIT_S = 60


def until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + WAIT_S
    while not true() and time.monotonic() < deadline:
        threading.Event().wait(0.05)
    assert true()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "lectures"
    folder.mkdir()
    (folder / "tea.md").write_text("# Tea\n\nGreen tea is brewed at eighty degrees.\n")
    return folder


@pytest.fixture
def client(folder: Path, settings: Settings, assistant: FakeAssistant) -> Iterator[TestClient]:
    app = create_app(settings.model_copy(update={"watch": folder}), assistant)  # type: ignore[arg-type]  # as in conftest
    with TestClient(app, base_url="http://localhost", raise_server_exceptions=False) as client:
        yield client


def found(client: TestClient, query: str) -> list[str]:
    hits = client.post("/v1/search", json={"query": query}).json()["hits"]
    return [Path(hit["path"]).name for hit in hits if query in hit["text"]]


def test_a_watched_folder_is_a_collection_whose_changes_are_jobs(client: TestClient, folder: Path) -> None:
    until(lambda: found(client, "eighty") == ["tea.md"])
    assert [each["name"] for each in client.get("/v1/collections").json()["collections"]] == ["lectures"]
    (folder / "coffee.md").write_text("Coffee is brewed at ninety degrees.\n")
    until(lambda: found(client, "ninety") == ["coffee.md"])
    (folder / "coffee.md").rename(folder / "mocha.md")
    until(lambda: found(client, "ninety") == ["mocha.md"])
    (folder / "tea.md").unlink()
    until(lambda: found(client, "eighty") == [])
    until(lambda: all(job["state"] == "done" for job in client.get("/v1/jobs").json()["jobs"]))
    jobs = client.get("/v1/jobs").json()["jobs"]
    assert {(job["name"], job["collection"], job["state"]) for job in jobs} == {(str(folder), "lectures", "done")}
    assert client.get(f"/v1/jobs/{jobs[0]['id']}/events").text.startswith("event: done\n")


def test_work_is_a_job_only_once_there_are_files_to_read() -> None:
    jobs = Jobs()

    def nothing(report: Report) -> str:
        report(Progress("scan", 0, 0, ""))
        report(Progress("read", 0, 0, ""))
        return "nothing"

    def something(report: Report) -> str:
        report(Progress("read", 1, 2, "a.md"))
        assert [(job.state, job.progress) for job in jobs.all()] == [("running", Progress("read", 1, 2, "a.md"))]
        return "something"

    assert jobs.attend("notes", "default", nothing) == "nothing"
    assert jobs.all() == ()
    assert jobs.attend("notes", "default", something) == "something"
    assert [job.state for job in jobs.all()] == ["done"]


def test_work_that_fails_is_a_job_that_failed() -> None:
    jobs = Jobs()

    def fails(report: Report) -> None:
        report(Progress("read", 1, 2, "a.md"))
        raise PathNotFound("the folder is gone")

    with pytest.raises(PathNotFound):
        jobs.attend("notes", "default", fails)
    assert [(job.state, job.reason) for job in jobs.all()] == [("failed", "the folder is gone")]


def test_work_ends_at_its_next_report_when_the_service_stops() -> None:
    jobs = Jobs()
    jobs.stop()
    with pytest.raises(Stopped):
        jobs.attend("notes", "default", lambda report: report(Progress("scan", 0, 0, "")))
    assert jobs.all() == ()
