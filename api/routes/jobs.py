"""/v1/jobs: how uploads and the changes of the watched folder go, asked once or followed as events."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator

from fastapi import APIRouter
from starlette.responses import Response

from api.bridge import EventStream, encode
from api.jobs import Job, Jobs
from api.schemas import JobOut, JobsOut, problems
from api.service import ServiceOf

router = APIRouter(prefix="/v1/jobs", tags=["documents"])

POLL_S = 0.1  # looking is a dictionary access, and a tenth of a second reads as at once
NO_JOB = problems({404: "no job of that id; finished jobs are kept for a while only"})
STREAM = {
    "content": {"text/event-stream": {"schema": {"type": "string"}}},
    "description": "`progress`..., then `done` or `failed`",
}


@router.get("")
def list_jobs(service: ServiceOf) -> JobsOut:
    """The jobs that wait or run, and the last ones that have ended; the newest first."""
    return JobsOut(jobs=tuple(JobOut.model_validate(job) for job in service.jobs.all()))


@router.get("/{job_id}", responses=NO_JOB)
def get_job(job_id: str, service: ServiceOf) -> JobOut:
    """The job as it stands now."""
    return JobOut.model_validate(service.jobs.get(job_id))


@router.get("/{job_id}/events", response_class=Response, responses={200: STREAM, **NO_JOB})
async def follow_job(job_id: str, service: ServiceOf) -> Response:
    """Events `progress` with the job each time it changes, then `done` or `failed` with how it ended."""
    return EventStream(_changes(service.jobs.get(job_id), service.jobs))


async def _changes(job: Job, jobs: Jobs) -> AsyncGenerator[bytes]:
    """The job now and after each change, until it is finished."""
    told = None
    while not job.finished:
        if job != told:
            yield encode("progress", JobOut.model_validate(job).model_dump_json())
            told = job
        await asyncio.sleep(POLL_S)
        job = jobs.get(job.id)
    yield encode(job.state, JobOut.model_validate(job).model_dump_json())
