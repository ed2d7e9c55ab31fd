"""A client of the service in this process, over a fake assistant."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from api.app import create_app
from api.settings import Settings
from tests.api.fakes import NOTE, FakeAssistant, fake_assistant


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data_dir=tmp_path / "data", max_upload_mb=1)


@pytest.fixture
def assistant(settings: Settings) -> Iterator[FakeAssistant]:
    assistant = fake_assistant(settings.data_dir)
    yield assistant
    assistant.reader.gate.set()
    assistant.close()


@pytest.fixture
def client(settings: Settings, assistant: FakeAssistant) -> Iterator[TestClient]:
    app = create_app(settings, assistant)  # type: ignore[arg-type]  # the fake has an Assistant's parts
    with TestClient(app, base_url="http://localhost", raise_server_exceptions=False) as client:
        yield client


@pytest.fixture
def bigram(assistant: FakeAssistant) -> str:
    """The id of an indexed note."""
    return assistant.index.add("bigram.md", NOTE.encode()).document_id
