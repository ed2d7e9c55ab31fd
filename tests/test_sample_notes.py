"""The sample notes are right: their code runs, their outputs are true, their questions are answered in them."""

from __future__ import annotations

import doctest
import io
import json
import re
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import pytest

from indexer.loaders import load

ROOT = Path(__file__).resolve().parents[1]
NOTES = ROOT / "api" / "sample_notes"
MARKDOWN = sorted(NOTES.glob("*.md"))
NOTEBOOK = NOTES / "tensors.ipynb"
QUESTIONS = json.loads((ROOT / "tests" / "sample_questions.json").read_text(encoding="utf-8"))
FENCED = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)


def words(text: str) -> str:
    """The text with every run of white space made one space, so that line breaks do not matter."""
    return " ".join(text.split())


def test_there_are_a_dozen_markdown_notes_a_notebook_a_page_and_a_pdf() -> None:
    suffixes = [path.suffix for path in NOTES.iterdir()]
    counts = {suffix: suffixes.count(suffix) for suffix in set(suffixes)}
    assert counts == {".md": 12, ".ipynb": 1, ".html": 1, ".pdf": 1}


@pytest.mark.parametrize("note", MARKDOWN, ids=lambda path: path.stem)
def test_a_note_is_one_page_of_300_to_700_words(note: Path) -> None:
    assert 300 <= len(note.read_text(encoding="utf-8").split()) <= 700


@pytest.mark.parametrize("note", MARKDOWN, ids=lambda path: path.stem)
def test_every_code_block_of_a_note_runs_and_prints_what_the_note_says(note: Path) -> None:
    names: dict[str, Any] = {}
    for block in FENCED.findall(note.read_text(encoding="utf-8")):
        if not block.startswith(">>>"):
            exec(compile(block, note.name, "exec"), names)
            continue
        test = doctest.DocTestParser().get_doctest(block, names, note.name, str(note), 0)
        report = io.StringIO()
        failed = doctest.DocTestRunner().run(test, out=report.write, clear_globs=False).failed
        names.update(test.globs)
        assert failed == 0, report.getvalue()


def test_the_notebook_shows_the_outputs_that_its_code_gives() -> None:
    names: dict[str, Any] = {}
    for cell in json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"]:
        if cell["cell_type"] != "code":
            continue
        *statements, last = "".join(cell["source"]).split("\n")
        shown = cell["outputs"][0]
        printed = io.StringIO()
        with redirect_stdout(printed):
            if shown["output_type"] == "stream":
                exec("\n".join([*statements, last]), names)
                got, expected = printed.getvalue(), "".join(shown["text"])
            else:
                exec("\n".join(statements), names)
                got, expected = repr(eval(last, names)), "".join(shown["data"]["text/plain"])
        assert got == expected, cell["id"]


def test_the_pdf_holds_the_whole_text_it_is_made_from() -> None:
    source = (ROOT / "docs" / "sample_pdf" / "text.txt").read_text(encoding="utf-8")
    paragraphs = [part.lstrip("# ") for part in source.split("\n\n") if part not in ("===", "[chart]")]
    text = words(load("a.pdf", (NOTES / "from_logits_to_text.pdf").read_bytes()).text)
    assert [part for part in paragraphs if words(part) not in text] == []


@pytest.mark.parametrize("case", QUESTIONS["answerable"], ids=lambda case: case["document"])
def test_every_sample_answer_stands_in_its_document(case: dict[str, Any]) -> None:
    text = load(case["document"], (NOTES / case["document"]).read_bytes()).text
    missing = [answer for answer in case["answers"] if words(answer) not in words(text)]
    assert not missing


def test_there_are_a_dozen_questions_and_three_that_the_notes_do_not_answer() -> None:
    assert len(QUESTIONS["answerable"]) >= 12
    assert len(QUESTIONS["unanswerable"]) >= 3
