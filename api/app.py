"""The application: routes, guards, error table and page around one assistant."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import version
from typing import TYPE_CHECKING

from anyio import to_thread
from fastapi import FastAPI
from starlette.staticfiles import StaticFiles

from api import errors, openapi
from api.guard import Guard, HostPolicy
from api.headers import SecurityHeaders
from api.routes import ask, collections, documents, health, inspect, jobs, page, search
from api.service import Service
from api.settings import Settings

if TYPE_CHECKING:
    from rag.assemble import Assistant

DESCRIPTION = "Answers questions about your own notes and papers, and points at the exact words."


def create_app(settings: Settings, assistant: Assistant | None = None) -> FastAPI:
    """The service as an ASGI application.

    Without `assistant` it is assembled from the settings when the application starts, in a thread: what needs
    the index or the model answers with 503 until it is loaded, everything else at once. A given assistant is not closed.
    """
    service = Service(settings, assistant)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        service.start()
        try:
            yield
        finally:
            await to_thread.run_sync(service.close)

    app = FastAPI(
        title="studygpt",
        version=version("studygpt"),
        description=DESCRIPTION,
        lifespan=lifespan,
        docs_url=None,  # these pages load scripts from elsewhere
        redoc_url=None,
        redirect_slashes=False,  # a redirect would be built from the Host header
        responses=openapi.EVERYWHERE,
    )
    app.state.service = service
    app.add_middleware(
        Guard, hosts=HostPolicy(settings.host, settings.allowed_hosts), max_upload_mb=settings.max_upload_mb
    )
    app.add_middleware(SecurityHeaders)
    errors.install(app)
    openapi.install(app)
    for module in (ask, search, inspect, documents, collections, jobs, health, page):
        app.include_router(module.router)
    app.mount("/static", StaticFiles(directory=page.STATIC))
    return app
