"""Passages: what the reader sees, and that every character of it leads back to the evidence."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rag.augment import augment
from tests.rag.fakes import evidence_of

TEXTS = st.text(alphabet="ab .\n\t\u00a0é𝛼", max_size=40)
MARKED_TEXTS = st.text(alphabet="ab *`#[]()\n", max_size=40)


def test_white_space_is_one_space_and_none_at_the_ends() -> None:
    (passage,) = augment([evidence_of("  The chain\n    rule\t multiplies. \n")])
    assert passage.text == "The chain rule multiplies."


def test_a_range_leads_back_to_the_words_with_their_own_white_space() -> None:
    evidence = evidence_of("The chain\n    rule multiplies.")
    (passage,) = augment([evidence])
    start = passage.text.index("chain rule")
    first, last = passage.origin(start, start + len("chain rule"))
    assert evidence.text[first:last] == "chain\n    rule"


@settings(max_examples=60)
@given(TEXTS)
def test_every_character_stands_where_its_offset_says(text: str) -> None:
    (passage,) = augment([evidence_of(text)])
    assert passage.text == " ".join(text.split())
    assert len(passage.offsets) == len(passage.text)
    for i, character in enumerate(passage.text):
        original = text[passage.offsets[i]]
        assert original == character or (character == " " and original.isspace())


@settings(max_examples=60)
@given(TEXTS.filter(str.strip), st.data())
def test_the_way_back_is_the_same_words(text: str, data: st.DataObject) -> None:
    (passage,) = augment([evidence_of(text)])
    start = data.draw(st.integers(0, len(passage.text) - 1))
    end = data.draw(st.integers(start + 1, len(passage.text)))
    first, last = passage.origin(start, end)
    assert text[first:last].split() == passage.text[start:end].split()


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("## The KV cache\n\nIt stores keys.", "It stores keys."),
        ("It stores keys.\n\n## Its size\n\nTwo.", "It stores keys. Two."),
        ("## The KV cache\n", "## The KV cache"),
        ("## How large is it? \n\nTwo.\n\n# Why? Or not\n\nSo.", "How large is it? Two. So."),
        ("**Momentum** keeps a *running mean*.", "Momentum keeps a running mean."),
        ("The factor `beta` is 0.9.", "The factor beta is 0.9."),
        ("See [the note](momentum.md).", "See the note."),
        ("x**2 + y**2 and a * b * c", "x**2 + y**2 and a * b * c"),
        ("#include and #3", "#include and #3"),
        ("order[0](x, y)", "order[0](x, y)"),
        ("```python\nx = 1\n```", "```python x = 1 ```"),
        ("* one\n* two", "* one * two"),
    ],
)
def test_headings_and_marks_are_hidden_and_code_is_not(text: str, shown: str) -> None:
    (passage,) = augment([evidence_of(text)])
    assert passage.text == shown


def test_a_range_over_hidden_marks_leads_back_to_the_words_with_their_marks() -> None:
    evidence = evidence_of("a **running mean** of the gradients")
    (passage,) = augment([evidence])
    start = passage.text.index("mean of")
    first, last = passage.origin(start, start + len("mean of"))
    assert evidence.text[first:last] == "mean** of"


@settings(max_examples=100)
@given(MARKED_TEXTS)
def test_marked_or_not_each_character_is_one_of_the_evidence_in_order(text: str) -> None:
    (passage,) = augment([evidence_of(text)])
    assert list(passage.offsets) == sorted(set(passage.offsets))
    assert "".join(" " if text[i].isspace() else text[i] for i in passage.offsets) == passage.text
    assert passage.text == " ".join(passage.text.split())


@pytest.mark.parametrize(("start", "end"), [(-1, 2), (2, 2), (3, 2), (0, 99)])
def test_a_range_outside_of_the_passage_is_refused(start: int, end: int) -> None:
    (passage,) = augment([evidence_of("four words of text")])
    with pytest.raises(ValueError, match="is no range of a passage of 18 characters"):
        passage.origin(start, end)


def test_passages_keep_the_order_of_the_evidence() -> None:
    assert [passage.text for passage in augment([evidence_of("b"), evidence_of("a")])] == ["b", "a"]


def test_no_evidence_makes_no_passage() -> None:
    assert augment([]) == ()


def test_a_comment_in_code_is_no_heading() -> None:
    text = "# Self-attention relates the positions of one sequence.\nx = 1"
    (passage,) = augment([evidence_of(text, name="annotated.py")])
    assert passage.text == " ".join(text.split())


@pytest.mark.parametrize(
    ("name", "headings", "text", "shown"),
    [
        ("a.html", ("Data", "Data frames"), "Data frames\n\nA list of vectors.", "A list of vectors."),
        (
            "a.EPUB",
            ("Data frames",),
            "Of data frames\n\nData frames are lists.",
            "Of data frames Data frames are lists.",
        ),
        ("a.docx", ("The long heading of two lines",), "The long heading\nof two lines:\n\nText.", "Text."),
        ("a.tex", ("What is a list?",), "What is a list?\n\nAnything.", "What is a list? Anything."),
        ("a.html", ("3 Data",), "3.5.1. Data frames\n\n3.5 million of them.\n\n3.6 Lists", "3.5 million of them."),
        (
            "a.html",
            (),
            "3.6 Lists are values.\n3.11 | Lists | 2022\n3.7 of",
            "3.6 Lists are values. 3.11 | Lists | 2022",
        ),
        (
            "a.pdf",
            ("The Paper", "Jane Doe", "2.1 Data"),
            "The Paper\nJane Doe\n2.1 Data\nText.",
            "The Paper Jane Doe Text.",
        ),
        ("a.py", ("def f(x)",), "def f(x)\n    return x", "def f(x) return x"),
        ("a.html", ("Data frames",), "Data frames", "Data frames"),
    ],
)
def test_headings_without_marks_are_hidden_where_they_are_lines(
    name: str, headings: tuple[str, ...], text: str, shown: str
) -> None:
    (passage,) = augment([replace(evidence_of(text, name=name), headings=headings)])
    assert passage.text == shown
    assert "".join(" " if text[i].isspace() else text[i] for i in passage.offsets) == passage.text
