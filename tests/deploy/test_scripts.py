"""smoke.sh and run.sh against a small service of their own, in every way they can end."""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.deploy import fake_service
from tests.deploy.fake_service import ANSWER, QUOTE, Service

ROOT = Path(__file__).resolve().parents[2]

@pytest.fixture
def service() -> Iterator[Service]:
    with Service() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def smoke(url: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [ROOT / "deploy" / "smoke.sh", url, "What?"],
        env={"PATH": "/usr/bin:/bin", "PYTHON": sys.executable},
        capture_output=True,
        text=True,
        check=False,
    )


def test_smoke_passes_when_the_quote_stands_where_the_citation_says(service: Service) -> None:
    outcome = smoke(service.url)
    assert outcome.returncode == 0, outcome.stderr
    assert '"the current token alone" - bigram.md, line 3' in outcome.stdout


def test_smoke_fails_on_an_abstention(service: Service) -> None:
    service.answer = {**ANSWER, "answer": None, "abstained": True, "citations": []}
    outcome = smoke(service.url)
    assert outcome.returncode == 1
    assert "not in your materials" in outcome.stdout


def test_smoke_fails_without_a_citation(service: Service) -> None:
    service.answer = {**ANSWER, "citations": []}
    assert smoke(service.url).returncode == 1


def test_smoke_fails_when_the_quote_stands_elsewhere(service: Service) -> None:
    service.answer = {**ANSWER, "citations": [{**ANSWER["citations"][0], "start": 0, "end": len(QUOTE)}]}
    outcome = smoke(service.url)
    assert outcome.returncode == 1
    assert "does not stand" in outcome.stderr


def test_smoke_tells_a_service_with_an_error_and_one_that_is_not_there(service: Service) -> None:
    service.answer = None
    refused = smoke(service.url)
    assert (refused.returncode, "503" in refused.stderr) == (2, True)
    absent = smoke(f"http://127.0.0.1:{free_port()}")
    assert (absent.returncode, "cannot reach" in absent.stderr) == (2, True)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def make_run(tmp_path: Path, studygpt: str, port: int) -> subprocess.CompletedProcess[str]:
    """Runs run.sh once with a `studygpt` whose commands are the given shell lines."""
    (tmp_path / "studygpt").write_text(f'#!/usr/bin/env bash\ncase "$*" in\n{studygpt}\nesac\n', encoding="utf-8")
    (tmp_path / "studygpt").chmod(0o755)
    (tmp_path / "python").symlink_to(sys.executable)
    return subprocess.run(
        [ROOT / "deploy" / "run.sh"],
        env={
            "PATH": "/usr/bin:/bin",
            "BIN": str(tmp_path),
            "DOCS": "notes",
            "DATA": str(tmp_path),
            "PORT": str(port),
            "ONCE": "1",
        },
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_run_indexes_serves_answers_and_stops(tmp_path: Path) -> None:
    port = free_port()
    serve = f"exec {sys.executable} {fake_service.__file__} {port}"
    commands = f'*" index "*) echo indexed;;\n*" serve "*) {serve};;'
    outcome = make_run(tmp_path, commands, port)
    assert outcome.returncode == 0, outcome.stderr
    assert "indexed" in outcome.stdout
    assert "A: the current token alone" in outcome.stdout
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", port)) != 0, "the service still listens"


def test_run_says_so_when_the_port_is_taken(tmp_path: Path, service: Service) -> None:
    outcome = make_run(tmp_path, "*) exit 0;;", service.server_port)
    assert outcome.returncode == 1
    assert f"cannot listen on 127.0.0.1:{service.server_port}" in outcome.stderr


def test_run_ends_when_indexing_fails(tmp_path: Path) -> None:
    outcome = make_run(tmp_path, '*" index "*) echo no such folder >&2; exit 1;;', free_port())
    assert outcome.returncode == 1
    assert "no such folder" in outcome.stderr


def test_run_ends_when_the_service_dies_before_it_is_ready(tmp_path: Path) -> None:
    outcome = make_run(tmp_path, '*" index "*) exit 0;;\n*" serve "*) exit 1;;', free_port())
    assert outcome.returncode == 1
    assert "ended before it was ready" in outcome.stderr
