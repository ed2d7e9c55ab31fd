"""Running the command line in this process, with fakes for both models."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from api.cli import main
from api.settings import ENV_PREFIX
from tests.indexer.fakes import HashEmbedder
from tests.rag.fakes import FakeReader

Run = Callable[..., "Outcome"]


@dataclass(frozen=True)
class Outcome:
    """What a command left behind."""

    status: int
    out: str
    err: str

    @property
    def json(self) -> dict[str, Any]:
        """The one JSON object on stdout."""
        value = json.loads(self.out)
        assert isinstance(value, dict)
        assert self.out.count("\n") == 1
        return value

    @property
    def complaint(self) -> str:
        """The one line on stderr of a command that failed."""
        assert (self.status, self.out) == (1, "")
        (line,) = self.err.splitlines()
        assert line.startswith("studygpt: ")
        return line.removeprefix("studygpt: ")


@pytest.fixture
def run(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs one command line in an empty folder, with its data beside it."""
    for name in list(os.environ):
        if name.upper().startswith(ENV_PREFIX):
            monkeypatch.delenv(name)
    monkeypatch.setenv("STUDYGPT_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setattr("indexer.index.SentenceTransformerEmbedder", HashEmbedder)
    for module in ("rag.assemble", "rag.evaluate"):
        monkeypatch.setattr(f"{module}.load_reader", lambda model: FakeReader(threshold=0.4))
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")

    def run(*argv: str) -> Outcome:
        status = main(argv)
        captured = capsys.readouterr()
        return Outcome(status, captured.out, captured.err)

    return run
