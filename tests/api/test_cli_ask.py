"""`studygpt ask` end to end, with a fake embedder and a fake reader."""

from __future__ import annotations

from pathlib import Path

import pytest

from api.schemas import AnswerOut
from tests.api.cli_case import Run, run

__all__ = ["run"]
TEA = "# Tea\n\nTea is old. Green tea is brewed at\neighty degrees, people say. White tea is cooler.\n"
ANSWER_KEYS = {
    "id", "question", "asked", "answer", "abstained", "confidence", "verified",
    "citations", "evidence", "model", "index_generation", "timings_ms",
}  # fmt: skip
CITATION_KEYS = {
    "document_id", "title", "path", "sha256", "quote", "start", "end", "page", "boxes", "line_start", "line_end", "cell",
}  # fmt: skip


@pytest.fixture
def indexed(run: Run) -> Run:
    Path("tea.md").write_text(TEA, encoding="utf-8")
    run("index", "tea.md")
    return run


def test_an_answer_is_one_json_object_of_the_contract(indexed: Run) -> None:
    answer = indexed("ask", "At what is green tea brewed?", "--json").json
    assert set(answer) == ANSWER_KEYS
    assert {*answer["timings_ms"]} == {"retrieve", "read", "total"}
    (citation,) = answer["citations"]
    assert set(citation) == CITATION_KEYS
    assert citation["quote"] == answer["answer"] == TEA[citation["start"] : citation["end"]]
    assert (citation["page"], citation["boxes"], citation["cell"]) == (None, None, None)
    assert (citation["line_start"], citation["line_end"]) == (3, 4)
    assert {"chunk_id", "document_id", "text", "score"} <= set(answer["evidence"][0])
    assert answer["verified"]
    AnswerOut.model_validate(answer)


def test_people_read_the_answer_the_sentence_the_source_and_the_confidence(indexed: Run) -> None:
    lines = indexed("ask", "At what is green tea brewed?").out.splitlines()
    assert lines[0] == "Green tea is brewed at eighty degrees, people say"
    assert lines[2] == "  Green tea is brewed at eighty degrees, people say."
    assert lines[3] == "  Tea (tea.md), lines 3-4"
    assert lines[5].startswith("confidence ")
    assert "word for word in the source" in lines[5]


def test_a_question_that_is_worded_anew_is_said_so(indexed: Run) -> None:
    lines = indexed("ask", "Can you tell me at what green tea is brewed?").out.splitlines()
    assert lines[0] == "Green tea is brewed at eighty degrees, people say"
    assert lines[-1] == 'the model was asked "At what is green tea brewed?"'
    lines = indexed("ask", "green tea").out.splitlines()
    assert lines[-1] == 'the model was asked "What is green tea?"'


def test_what_is_not_there_is_said_with_the_probability_and_the_nearest_passages(indexed: Run) -> None:
    outcome = indexed("ask", "Who discovered penicillin in London?")
    lines = outcome.out.splitlines()
    assert (outcome.status, lines[0]) == (0, "Not in your materials")
    assert "an answer is 0%" in lines[1]
    assert "Tea (tea.md)" in outcome.out
    answer = indexed("ask", "Who discovered penicillin in London?", "--json").json
    assert (answer["answer"], answer["abstained"], answer["citations"]) == (None, True, [])


@pytest.mark.parametrize(
    ("argv", "says"),
    [
        (["ask", "  "], "the question is empty; ask something in words"),
        (["ask", "why " * 51], "the question has 51 words; ask with 50"),
        (["ask", "tea?", "--collection", "lectures"], "no collection named 'lectures'; those that exist: default"),
    ],
)
def test_a_question_that_cannot_be_answered_is_one_line(indexed: Run, argv: list[str], says: str) -> None:
    assert indexed(*argv).complaint == says
    assert indexed(*argv, "--json").complaint == says


def test_a_question_to_an_empty_index_names_the_remedy(run: Run) -> None:
    assert run("ask", "tea?").complaint == "the index is empty; index something first: studygpt index FOLDER"


def test_a_model_that_is_not_there_is_one_line(indexed: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    import rag.assemble
    from gpt.reader import Reader

    monkeypatch.setattr("rag.assemble.load_reader", lambda model: rag.assemble.GPTReader(Reader.load(model)))
    monkeypatch.setenv("STUDYGPT_MODEL", "no-such-model")
    assert "no-such-model" in indexed("ask", "tea?").complaint


def test_bytes_that_are_no_text_are_wrong_usage(indexed: Run) -> None:
    outcome = indexed("ask", "caf\udce9?")
    assert outcome.status == 2
    assert "not text in UTF-8" in outcome.err
