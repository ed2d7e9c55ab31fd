"""Where sentences and clauses end."""

from __future__ import annotations

import pytest

from gpt.sentences import asking_spans, clause_end, sentence_end, sentence_spans


def test_stops_inside_sentences_end_none() -> None:
    text = 'Dr. J. Holt met U.S. Gen. Lee at 5 p.m. in 1990. He went home! "Yes," he said. (It cost 3.50.) The end'
    assert [text[start:end] for start, end in sentence_spans(text)] == [
        "Dr. J. Holt met U.S. Gen. Lee at 5 p.m. in 1990.",
        "He went home!",
        '"Yes," he said.',
        "(It cost 3.50.)",
        "The end",
    ]


def test_nothing_but_blanks_between_sentences_is_lost() -> None:
    text = "  One is here.  Two is there? Three.\n\nFour goes on "
    spans = sentence_spans(text)
    assert "".join(text[s:e] for s, e in spans).replace(" ", "") == text.replace(" ", "").replace("\n", "")
    assert sentence_spans("   ") == []


@pytest.mark.parametrize(
    ("text", "asking"),
    [
        ("What is it? It is tea. Who knows?", ["What is it?", " Who knows?"]),
        ("what is it? it is tea, e.g. a green one. who knows?", ["what is it?", " who knows?"]),
        ("[00:01] so we look at that. any questions? good", [" any questions?"]),
        ('he asked "why?" and left. It rains.', []),
        ("The film Quo Vadis? was shown. It rained.", []),
        ("Nothing asks here.", []),
        ("it is hot... isn't it?! is it", []),
        ("it is hot... isn't it? ", [" isn't it?"]),
        ("", []),
    ],
)
def test_what_asks_ends_in_a_question_mark_with_and_without_capitals(text: str, asking: list[str]) -> None:
    assert [text[start:end] for start, end in asking_spans(text)] == asking


def test_a_sentence_ends_before_its_mark_or_at_a_semicolon() -> None:
    assert sentence_end("A town, e.g. Lorne, grew. It did.", 0) == 24
    assert sentence_end("It grew; it shrank.", 0) == 7
    assert sentence_end("no end", 0) == 6
    cited = "A trick by Smith et al. of that year. It works."
    assert {sentence_end(cited, start) for start in range(cited.index(". It"))} == {cited.index(". It")}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a measure of disorder. More.", "a measure of disorder"),
        (
            "a town on the long coast of the island, which was built by the old fleet.",
            "a town on the long coast of the island",
        ),
        ("a method of training that changes every weight a little in each of its many steps.", "a method of training"),
        (
            "a forest in the wide delta formed by the rivers of the large northern plains there.",
            "a forest in the wide delta",
        ),
        ("the area (in metres and in feet and in yards and in many other units) of a farm.", "the area"),
        ("abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz", ""),
    ],
)
def test_a_clause_that_is_too_long_ends_at_its_best_joint(text: str, expected: str) -> None:
    assert text[: clause_end(text, 0, 48)] == expected
