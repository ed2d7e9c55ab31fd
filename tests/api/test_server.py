"""Where the service listens; what it does then is told in `test_app`."""

from __future__ import annotations

import json
import threading
from http.client import HTTPConnection

import pytest
import uvicorn

import api.service
from api.app import create_app
from api.jobs import Report
from api.server import Server, ServerError, address, listen, run
from api.settings import Settings
from indexer.errors import DataFolderLocked
from indexer.types import Document, Progress
from tests.api.fakes import FakeAssistant


def test_port_0_means_a_free_one_and_the_address_names_it() -> None:
    with listen("127.0.0.1", 0) as listener:
        assert address(listener) == f"http://127.0.0.1:{listener.getsockname()[1]}"
        assert listener.getsockname()[1] > 0


def test_a_service_on_every_address_is_shown_as_localhost() -> None:
    with listen("0.0.0.0", 0) as listener:
        assert address(listener).startswith("http://localhost:")


def test_a_port_in_use_is_named_with_the_remedy_before_anything_is_loaded(settings: Settings) -> None:
    with listen("127.0.0.1", 0) as listener:
        port = listener.getsockname()[1]
        with pytest.raises(ServerError, match=rf"127\.0\.0\.1:{port} .*--port"):
            listen("127.0.0.1", port)
    assert not settings.data_dir.exists()


def test_a_host_that_is_no_address_of_this_machine_is_named() -> None:
    with pytest.raises(ServerError, match=r"no-such-host\.invalid"):
        listen("no-such-host.invalid", 0)


def test_a_service_that_cannot_load_ends_with_the_reason(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    def assemble(settings: Settings) -> FakeAssistant:
        raise DataFolderLocked("another process holds the folder")

    monkeypatch.setattr(api.service, "assemble", assemble)
    with pytest.raises(DataFolderLocked, match="another process"):
        run(settings.model_copy(update={"port": 0}))


def test_a_service_told_to_stop_ends_its_jobs_and_the_streams_that_follow_them(
    settings: Settings, assistant: FakeAssistant
) -> None:
    app = create_app(settings, assistant)  # type: ignore[arg-type]  # the fake has an Assistant's parts
    server = Server(uvicorn.Config(app, log_config=None), app.state.service)
    with listen("127.0.0.1", 0) as listener:
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        job = app.state.service.jobs.submit("tea.md", "default", until_stopped)
        connection = HTTPConnection(*listener.getsockname(), timeout=10)
        connection.request("GET", f"/v1/jobs/{job.id}/events")
        stream = connection.getresponse()
        assert stream.readline().startswith(b"event: progress")
        server.should_exit = True
        *_, name, data = [line for line in stream.read().split(b"\n") if line]
        thread.join(10)
        assert not thread.is_alive()
    assert name == b"event: failed"
    assert "stopped" in json.loads(data.removeprefix(b"data: "))["reason"]


def until_stopped(report: Report) -> Document:
    """Work that has no end of its own."""
    while True:
        report(Progress("embed", 1, 2, "tea.md"))
