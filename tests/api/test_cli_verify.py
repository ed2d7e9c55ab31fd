"""`studygpt verify`, `backup`, `restore` and `reembed` end to end on a temporary folder, with a fake embedder."""

from __future__ import annotations

from pathlib import Path

import apsw
import pytest

from indexer.index import Index
from tests.api.cli_case import Run, run
from tests.indexer.fakes import HashEmbedder

__all__ = ["run"]


@pytest.fixture
def data(tmp_path: Path, run: Run) -> Path:
    """The data folder, with two documents."""
    with Index.open(tmp_path / "data", embedder=HashEmbedder()) as index:
        index.add_texts([("tea", "Green tea is brewed."), ("coffee", "Coffee is brewed hotter.")])
    return tmp_path / "data"


def damage(data: Path) -> None:
    connection = apsw.Connection(str(data / "studygpt.db"))
    connection.execute("UPDATE blob SET data = x'00'")
    connection.close()


def test_a_whole_folder_is_told_promise_by_promise(run: Run, data: Path) -> None:
    outcome = run("verify")
    assert outcome.status == 0
    lines = outcome.out.splitlines()
    assert [line.split(":")[0] for line in lines[:-1]] == [
        "ok  database", "ok  sources", "ok  documents", "ok  vectors", "ok  words", "ok  snapshots",
    ]  # fmt: skip
    assert "(2 checked)" in lines[1]
    assert lines[-1].startswith("content ")


def test_a_broken_promise_is_told_with_what_to_do_and_status_1(run: Run, data: Path) -> None:
    damage(data)
    outcome = run("verify")
    assert outcome.status == 1
    assert "broken  sources" in outcome.out
    assert "what to do: restore a backup with `studygpt restore FILE --replace`" in outcome.out
    told = run("verify", "--json")
    assert (told.status, told.json["ok"]) == (1, False)
    assert [check["n_problems"] for check in told.json["checks"][:3]] == [0, 2, 2]


def test_verify_and_backup_run_beside_a_service(run: Run, data: Path) -> None:
    with Index.open(data, embedder=HashEmbedder()):
        assert run("verify").status == 0
        assert run("backup", "here").status == 0


def test_a_backup_is_restored_elsewhere_and_in_place(run: Run, data: Path, tmp_path: Path) -> None:
    made = run("backup", "monday", "--json").json
    assert (made["n_documents"], made["n_chunks"], made["path"]) == (2, 2, "monday")
    elsewhere = run("restore", "monday", "--data", str(tmp_path / "new"), "--json").json
    assert elsewhere["content_sha256"] == made["content_sha256"] == run("verify", "--json").json["content_sha256"]
    assert "holds an index already" in run("restore", "monday").complaint
    damage(data)
    shown = run("restore", "monday", "--replace")
    assert f"what was there before is kept in {data / 'former-1'}" in shown.out
    assert run("verify").status == 0


def test_what_cannot_be_done_is_said_in_one_line(run: Run, data: Path, tmp_path: Path) -> None:
    assert "holds no index" in run("verify", "--data", str(tmp_path / "none")).complaint
    assert "holds no index" in run("backup", "b", "--data", str(tmp_path / "none")).complaint
    assert "no such backup" in run("restore", "nothing", "--data", str(tmp_path / "new")).complaint
    damage(data)
    assert "is damaged, so it was not copied" in run("backup", "b").complaint


def test_the_model_is_changed_and_the_setting_to_change_is_told(
    run: Run, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("indexer.embed.SentenceTransformerEmbedder", HashEmbedder)
    shown = run("reembed", "other")
    assert shown.out.splitlines() == ["2 passages now use other", "set STUDYGPT_EMBEDDING_MODEL=other from now on"]
    assert "built with the embedding model 'other'" in run("status").complaint
    assert run("verify").status == 0
