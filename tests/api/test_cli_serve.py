"""`studygpt serve` hands the settings to the server, options before the environment."""

from __future__ import annotations

from pathlib import Path

import pytest

from api.settings import Settings
from tests.api.cli_case import Run, run

__all__ = ["run"]


def test_options_go_before_the_environment(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    served: list[Settings] = []
    monkeypatch.setattr("api.server.run", served.append)
    monkeypatch.setenv("STUDYGPT_HOST", "0.0.0.0")
    monkeypatch.setenv("STUDYGPT_PORT", "9001")
    assert run("serve", "--port", "0").status == 0
    assert run("--data", str(tmp_path), "serve").status == 0
    assert [(one.host, one.port) for one in served] == [("0.0.0.0", 0), ("0.0.0.0", 9001)]
    assert [one.data_dir for one in served] == [tmp_path / "data", tmp_path]


def test_a_folder_to_watch_is_a_setting_and_an_option(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    served: list[Settings] = []
    monkeypatch.setattr("api.server.run", served.append)
    monkeypatch.setenv("STUDYGPT_WATCH", "notes")
    assert run("serve").status == 0
    assert run("serve", "--watch", "papers").status == 0
    assert [one.watch for one in served] == [Path("notes"), Path("papers")]


def test_an_address_that_is_taken_is_one_line(run: Run) -> None:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert str(port) in run("serve", "--port", str(port)).complaint
