"""What the routes share: the assistant (once it is loaded), the upload jobs and the limits."""

from __future__ import annotations

import logging
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, Annotated

import anyio
from fastapi import Depends, Request

from api.errors import NotReady
from api.jobs import Jobs
from api.settings import Settings
from api.watching import Watcher

if TYPE_CHECKING:
    from rag.assemble import Assistant

MAX_READING = 4  # questions read at once; reading uses every core, so more at once would only make each one slower

logger = logging.getLogger(__name__)


class Service:
    """Loads the assistant in a thread of its own, so that the service answers while it loads; then follows the folder to
    watch, if there is one.

    `failed` is called, in that thread, when loading fails.
    """

    def __init__(self, settings: Settings, assistant: Assistant | None) -> None:
        self.settings = settings
        self.jobs = Jobs()
        self.reading = anyio.CapacityLimiter(MAX_READING)
        self.failed: Callable[[], None] = lambda: None
        self._given = assistant
        self._loader = ThreadPoolExecutor(max_workers=1, thread_name_prefix="loader")
        self._loading: Future[Assistant] = Future()
        self._watcher: Watcher | None = None

    def start(self) -> None:
        """Begins to load; returns at once."""
        if self._given is not None:
            self._loading.set_result(self._given)
            self._watch()
            return
        self._loading = self._loader.submit(assemble, self.settings)
        self._loading.add_done_callback(self._tell)
        self._loader.shutdown(wait=False)  # its thread ends with the loading: a pool of torch's that waits slows the others

    @property
    def assistant(self) -> Assistant:
        """The loaded assistant. Raises NotReady, saying why."""
        if not self._loading.done():
            raise NotReady("the index and the model are still loading; try again in a moment")
        if self.failure is not None:
            raise NotReady(f"the service could not start: {self.failure}")
        return self._loading.result()

    @property
    def failure(self) -> BaseException | None:
        """Why loading failed, if it did."""
        return self._loading.exception() if self._loading.done() else None

    def close(self) -> None:
        """Ends the jobs, lets the loading end, then closes what was loaded; a given assistant stays open."""
        self.jobs.close()
        self._loader.shutdown(wait=True, cancel_futures=True)
        if self._watcher is not None:
            self._watcher.stop()
        if self._given is None and self._loading.done() and self.failure is None:
            self._loading.result().close()

    def _watch(self) -> None:
        """Follows the folder that the settings name, if any."""
        if self.settings.watch is not None:
            self._watcher = Watcher(self.assistant.index, self.settings.watch, self.jobs)
            self._watcher.start()

    def _tell(self, loading: Future[Assistant]) -> None:
        if (failure := loading.exception()) is not None:
            logger.error("the service could not start: %s", failure)
            self.failed()
        else:
            logger.info("ready: %s", loading.result().model)
            self._watch()


def assemble(settings: Settings) -> Assistant:
    """Opens the index and loads the models that the settings name; takes seconds. Raises their errors."""
    import rag.assemble  # brings torch: seconds in which /healthz must answer already

    assistant = rag.assemble.assemble(settings.data_dir, model=settings.model, embedding_model=settings.embedding_model)
    assistant.index.search("warm up", n=1)  # loads the embedding model, so that the first question need not wait
    return assistant


def service_of(request: Request) -> Service:
    """The service behind a request."""
    service = request.app.state.service
    if not isinstance(service, Service):
        raise TypeError(f"app.state.service is a {type(service).__name__}")
    return service


ServiceOf = Annotated[Service, Depends(service_of)]
