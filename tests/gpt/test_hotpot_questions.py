"""HotpotQA's rows become passages with the span that answers, wrong ones beside them."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import pytest

from gpt.squad import load_articles
from tests.bench import hotpot_questions
from tests.bench.hotpot_questions import of_development, of_training

ROW: dict[str, Any] = {
    "_id": "5a",
    "question": "In which city does the hospital stand  whose doctor invented the stethoscope?",
    "answer": "Paris",
    "supporting_facts": [["René Laennec", 1], ["Necker Hospital", 0]],
    "context": [
        ["Paris", ["Paris is the capital of France.", " It has many hospitals."]],
        ["Necker Hospital", ["Necker is a hospital in Paris.", " Parisians know it."]],
        ["Empty", []],
        ["René Laennec", ["Laennec was born in Quimper, not in Paris.", " He invented it at Necker."]],
    ],
}


def test_the_paragraphs_that_are_needed_make_one_passage_and_the_others_stay_beside() -> None:
    made = of_development(ROW)
    assert made is not None
    passage, *others = made.paragraphs
    [asked] = passage.questions
    assert asked.question == "In which city does the hospital stand whose doctor invented the stethoscope?"
    assert set(passage.context.split("\n")) == {
        "Necker is a hospital in Paris. Parisians know it.",
        "Laennec was born in Quimper, not in Paris. He invented it at Necker.",
    }
    assert asked.context == passage.context
    assert passage.context[asked.answer_starts[0] :].startswith("Paris. Parisians"), "in a sentence that is needed"
    assert [p.context for p in others] == ["Paris is the capital of France. It has many hospitals."]
    assert of_development(ROW) == made


@pytest.mark.parametrize(
    "changed",
    [
        {"answer": "yes"},
        {"answer": "stethoscope"},
        {"answer": "Pari"},
        {"answer": "Quimper"},
    ],
    ids=["yes", "named in the question", "no whole word", "in no needed sentence"],
)
def test_what_no_span_answers_is_left_out(changed: dict[str, str]) -> None:
    assert of_development(ROW | changed) is None


def test_needed_sentences_alone_are_paragraphs_of_one_article() -> None:
    rows = [
        {"knowledge": "It is in Paris.The tower (1889)is tall.", "question": "Where is it?", "right_answer": "Paris"},
        {"knowledge": "A came first.B followed.", "question": "Did A or B come first?", "right_answer": "A"},
        {"knowledge": "Nobody knows.", "question": "Who?", "right_answer": "Laennec"},
    ]
    made = of_training(rows, "t")
    assert made is not None
    [paragraph] = made.paragraphs
    assert paragraph.context == "It is in Paris. The tower (1889)is tall."
    assert paragraph.questions[0].answer_starts == (9,)
    assert of_training(rows[1:], "t") is None


def test_the_command_writes_what_reading_reads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    development, training, out = tmp_path / "a.whl", tmp_path / "b.whl", tmp_path / "qa" / "hotpotqa.found.json.xz"
    with zipfile.ZipFile(development, "w") as packed:
        packed.writestr(hotpot_questions.DEVELOPMENT, json.dumps([ROW, ROW | {"answer": "no"}]))
    row = {"knowledge": "It is in Paris.", "question": "Where is it?", "right_answer": "Paris"}
    with zipfile.ZipFile(training, "w") as packed:
        packed.writestr(hotpot_questions.TRAINING, f"{json.dumps(row)}\n" * 41)
    monkeypatch.setattr("sys.argv", ["hotpot_questions", str(development), str(training), str(out)])
    hotpot_questions.main()
    assert f"42 questions in 3 articles: {out}" in capsys.readouterr().out
    made = load_articles(out)
    assert [sum(len(p.questions) for p in a.paragraphs) for a in made] == [1, 40, 1]
