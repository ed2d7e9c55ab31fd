"""`studygpt export` on the released model."""

from __future__ import annotations

from pathlib import Path

import pytest

from api.cli_export import FORMATS
from gpt.export import FORMATS as WRITTEN
from tests.api.cli_case import Run, run

__all__ = ["run"]


def test_the_formats_are_those_that_can_be_written() -> None:
    assert set(FORMATS) == set(WRITTEN)


def test_programs_get_every_field(run: Run) -> None:
    exported = run("export", "mini", "--format", "gguf", "out", "--json").json
    assert set(exported) == {"folder", "name", "files", "parameters", "size_bytes", "bits_per_byte"}
    assert exported["files"] == ["README.md", "mini.gguf"]
    assert exported["bits_per_byte"] is None
    assert Path(exported["folder"]).samefile("out")


def test_people_read_where_it_is_and_how_well_it_writes(run: Run) -> None:
    Path("text.txt").write_text("The cat sat on the mat. " * 100, encoding="utf-8")
    outcome = run("export", "mini", "--format", "hf", "out", "--text", "text.txt")
    assert "mini: " in outcome.out
    assert "model.safetensors" in outcome.out
    assert "bits per byte" in outcome.out


@pytest.mark.parametrize(
    ("argv", "says"),
    [
        (["grand", "out"], "no model 'grand': name a released one ("),
        (["mini", "."], ". is not empty; name a new or an empty folder"),
        (["mini", "out", "--text", "nowhere.txt"], "no text file at nowhere.txt"),
    ],
)
def test_what_cannot_be_exported_is_one_line(run: Run, argv: list[str], says: str) -> None:
    Path("file.txt").touch()
    assert says in run("export", *argv, "--format", "hf").complaint
    assert [path.name for path in Path().iterdir()] == ["file.txt"]


def test_a_format_must_be_named(run: Run) -> None:
    assert run("export", "mini", "out").status == 2
    assert run("export", "mini", "out", "--format", "onnx").status == 2
