"""`studygpt ladder` on a short text and few steps."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.api.cli_case import Run, run

__all__ = ["run"]


@pytest.fixture
def text() -> str:
    Path("text.txt").write_text("the cat sat on the mat and the dog sat on the log. " * 40, encoding="utf-8")
    return "text.txt"


def test_every_rung_is_reported(run: Run, text: str) -> None:
    rungs = run("ladder", text, "--steps", "2", "--rungs", "bigram", "self-attention", "--json").json["rungs"]
    assert [list(rung) for rung in rungs] == [["name", "parameters", "val_loss", "steps", "seconds"]] * 2
    assert [(rung["name"], rung["steps"]) for rung in rungs] == [("bigram", 2), ("self-attention", 2)]


def test_people_read_a_table_and_get_a_picture(run: Run, text: str) -> None:
    pytest.importorskip("matplotlib")
    outcome = run("ladder", text, "--steps", "2", "--rungs", "bigram", "--plot", "ladder.png")
    assert "validation loss" in outcome.out
    assert "bigram" in outcome.out
    assert Path("ladder.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("argv", "says"),
    [
        (["nowhere.txt"], "nowhere.txt: No such file or directory"),
        (["bytes.txt"], "bytes.txt is not a text in UTF-8: byte 2"),
        (["short.txt"], "the text has 5 characters"),
        (["text.txt", "--rungs", "trigram"], "no rung 'trigram'"),
    ],
)
def test_a_ladder_that_cannot_be_climbed_is_one_line(run: Run, text: str, argv: list[str], says: str) -> None:
    Path("short.txt").write_text("to be", encoding="utf-8")
    Path("bytes.txt").write_bytes(b"ab\xff")
    assert says in run("ladder", *argv).complaint


@pytest.mark.parametrize(
    ("argv", "status", "says"),
    [
        (["--plot", "ladder.docx"], 2, "cannot draw 'ladder.docx': end it in .png, .svg, .pdf"),
        (["--plot", "nowhere/ladder.png"], 2, "the folder of 'nowhere/ladder.png' does not exist"),
        (["--device", "cuda:99"], 1, "--device=cuda:99 cannot be used here"),
    ],
)
def test_what_would_fail_after_training_is_refused_before(
    run: Run, text: str, argv: list[str], status: int, says: str
) -> None:
    outcome = run("ladder", text, *argv, "--steps", "100000")
    assert outcome.status == status
    assert says in outcome.err
