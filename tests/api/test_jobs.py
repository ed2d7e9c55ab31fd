"""Upload jobs."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator

import pytest
from fastapi.testclient import TestClient

from api.errors import JobNotFound, NotReady, TooManyJobs
from api.jobs import Job, Jobs, Report
from indexer.errors import EmptyDocument
from indexer.types import Document, Progress
from tests.api.fakes import NOTE, FakeAssistant

DOCUMENT = Document("d1", "default", "a.md", "A", "text/markdown", "0" * 64, 3, 3, 1, "2026-01-01T00:00:00+00:00")
HALF = Progress("embed", 1, 2, "a.md")


@pytest.fixture
def gate() -> threading.Event:
    return threading.Event()


@pytest.fixture
def jobs(gate: threading.Event) -> Iterator[Jobs]:
    jobs = Jobs(max_waiting=3, max_finished=2)
    yield jobs
    gate.set()
    jobs.close()


def done(report: Report) -> Document:
    return DOCUMENT


def ended(jobs: Jobs, job: Job) -> Job:
    """The job once everything submitted so far has ended: one worker takes turns, so a job behind it says so."""
    behind = threading.Event()
    jobs._worker.submit(behind.set)
    assert behind.wait(10)
    return jobs.get(job.id)


def test_a_job_is_queued_then_running_with_progress_then_done_with_its_document(
    jobs: Jobs, gate: threading.Event
) -> None:
    told = threading.Event()

    def work(report: Report) -> Document:
        report(HALF)
        told.set()
        gate.wait(10)
        return DOCUMENT

    first, second = jobs.submit("a.md", "default", work), jobs.submit("b.md", "default", done)
    assert told.wait(10)
    assert (first.state, jobs.get(first.id).state, jobs.get(first.id).progress) == ("queued", "running", HALF)
    assert jobs.get(second.id).state == "queued"
    gate.set()
    assert (ended(jobs, first).state, ended(jobs, first).document) == ("done", DOCUMENT)


def test_a_job_that_fails_on_purpose_gives_the_reason_as_it_is(jobs: Jobs) -> None:
    def work(report: Report) -> Document:
        raise EmptyDocument("a.md holds no text")

    job = ended(jobs, jobs.submit("a.md", "default", work))
    assert (job.state, job.reason, job.document) == ("failed", "a.md holds no text", None)


def test_a_job_that_fails_unforeseen_hides_why_and_names_the_log_entry(
    jobs: Jobs, caplog: pytest.LogCaptureFixture
) -> None:
    def work(report: Report) -> Document:
        raise ZeroDivisionError("secret")

    job = ended(jobs, jobs.submit("a.md", "default", work))
    assert job.state == "failed"
    assert "secret" not in str(job.reason)
    assert job.id in str(job.reason)
    assert job.id in caplog.text


def test_a_failed_job_does_not_stop_those_behind_it(jobs: Jobs) -> None:
    def work(report: Report) -> Document:
        raise ZeroDivisionError

    jobs.submit("a.md", "default", work)
    assert ended(jobs, jobs.submit("b.md", "default", done)).state == "done"


def test_too_many_waiting_uploads_are_refused(jobs: Jobs, gate: threading.Event) -> None:
    def work(report: Report) -> Document:
        gate.wait(10)
        return DOCUMENT

    for name in "abc":
        jobs.submit(name, "default", work)
    with pytest.raises(TooManyJobs, match="3 uploads"):
        jobs.submit("d", "default", work)


def test_only_the_last_finished_jobs_are_remembered(jobs: Jobs) -> None:
    submitted = [ended(jobs, jobs.submit(name, "default", done)) for name in "abcd"]
    for forgotten in submitted[:2]:
        with pytest.raises(JobNotFound):
            jobs.get(forgotten.id)
    assert [jobs.get(job.id).name for job in submitted[2:]] == ["c", "d"]


def test_stopping_fails_the_running_job_at_its_next_report_and_those_that_wait_at_once(
    jobs: Jobs, gate: threading.Event
) -> None:
    running = threading.Event()

    def work(report: Report) -> Document:
        running.set()
        gate.wait(10)
        report(HALF)
        return DOCUMENT

    first, second = jobs.submit("a.md", "default", work), jobs.submit("b.md", "default", done)
    assert running.wait(10)
    jobs.stop()
    assert (jobs.get(first.id).state, jobs.get(second.id).state) == ("running", "failed")
    gate.set()
    jobs.close()
    assert jobs.get(first.id).state == "failed"
    assert "stopped" in str(jobs.get(first.id).reason)
    with pytest.raises(NotReady):
        jobs.submit("c.md", "default", done)


def test_an_upload_that_is_stopped_midway_leaves_nothing_behind(jobs: Jobs, assistant: FakeAssistant) -> None:
    def work(report: Report) -> Document:
        def stop_then_report(progress: Progress) -> None:
            jobs.stop()
            report(progress)

        return assistant.index.add("tea.md", NOTE.encode(), progress=stop_then_report)

    job = jobs.submit("tea.md", "default", work)
    jobs.close()
    assert jobs.get(job.id).state == "failed"
    assert assistant.index.documents() == ()
    assert assistant.index.search("token").hits == ()


def test_the_events_of_a_job_end_with_how_it_ended(client: TestClient) -> None:
    location = client.post("/v1/documents", files={"file": ("a.md", b"# A\n\nWords.")}).headers["location"]
    blocks = client.get(f"{location}/events").text.strip().split("\n\n")
    name, data = blocks[-1].split("\n")
    assert name == "event: done"
    assert json.loads(data.removeprefix("data: ")) == client.get(location).json()
    assert all(block.startswith("event: progress\n") for block in blocks[:-1])


def test_an_unknown_job_is_not_found(client: TestClient) -> None:
    assert {client.get(f"/v1/jobs/nothing{path}").status_code for path in ("", "/events")} == {404}
