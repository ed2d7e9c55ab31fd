from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from indexer.chunk import chunk
from indexer.loaders import load
from indexer.types import Block, Chunk, Extracted
from tests.indexer.loaders.documents import FILES


def count_words(text: str) -> int:
    return len(text.split())


def _chunks(source: str, budget_tokens: int = 20, name: str = "a.md") -> tuple[Chunk, ...]:
    return chunk(load(name, source.encode()), count_tokens=count_words, budget_tokens=budget_tokens)


def _texts(source: str, budget_tokens: int = 20, name: str = "a.md") -> list[str]:
    return [each.text for each in _chunks(source, budget_tokens, name)]


def _words(text: str) -> str:
    return "".join(text.split())


@settings(max_examples=50, deadline=None)
@given(FILES, st.sampled_from([1, 3, 10, 40]))
def test_every_character_but_blanks_is_in_exactly_one_chunk(file: tuple[str, bytes], budget_tokens: int) -> None:
    extracted = load(*file)
    chunks = chunk(extracted, count_tokens=count_words, budget_tokens=budget_tokens)
    end = 0
    for each in chunks:
        assert end <= each.start < each.end
        assert not extracted.text[end : each.start].strip()
        assert each.text == extracted.text[each.start : each.end]
        assert each.text.strip()
        end = each.end
    assert not extracted.text[end:].strip()
    assert _words("".join(each.text for each in chunks)) == _words(extracted.text)


@settings(max_examples=30, deadline=None)
@given(FILES, st.sampled_from([10, 40]))
def test_formulas_code_and_table_rows_are_never_cut(file: tuple[str, bytes], budget_tokens: int) -> None:
    extracted = load(*file)
    chunks = chunk(extracted, count_tokens=count_words, budget_tokens=budget_tokens)
    for block in extracted.blocks:
        body = extracted.text[block.start : block.end]
        if block.kind in ("formula", "code", "table_row") and body.strip() and count_words(body) <= 4 * budget_tokens:
            first, last = block.start + len(body) - len(body.lstrip()), block.start + len(body.rstrip())
            assert sum(each.start <= first and last <= each.end for each in chunks) == 1


@settings(max_examples=30, deadline=None)
@given(FILES, st.sampled_from([10, 40]))
def test_a_chunk_keeps_the_budget_but_for_its_headings_or_a_block_that_stays_whole(
    file: tuple[str, bytes], budget_tokens: int
) -> None:
    extracted = load(*file)
    for each in chunk(extracted, count_tokens=count_words, budget_tokens=budget_tokens):
        inside = [block for block in extracted.blocks if block.start < each.end and each.start < block.end]
        heads = sum(count_words(extracted.text[b.start : b.end]) for b in inside if b.kind == "heading")
        kept_whole = any(b.kind in ("code", "formula", "table_row") for b in inside) or "$" in each.text
        assert count_words(each.text) - heads <= budget_tokens * 7 / 6 or kept_whole  # a twelfth more on each side


@settings(max_examples=30, deadline=None)
@given(FILES)
def test_headings_are_those_above_the_chunk_outermost_first(file: tuple[str, bytes]) -> None:
    """The slow, obvious twin: for each chunk, walk all headings from the top."""
    from indexer.headings import heading_words

    extracted = load(*file)
    for each in chunk(extracted, count_tokens=count_words, budget_tokens=20):
        bodies = [b for b in extracted.blocks if b.kind != "heading" and each.start <= b.start < each.end]
        if not bodies:
            continue
        paths = []
        for position in (block.start for block in bodies):
            path: list[tuple[int, str]] = []
            for block in extracted.blocks:
                if block.kind == "heading" and block.start < position:
                    path = [item for item in path if item[0] < block.level]
                    path.append((block.level, heading_words(extracted.text[block.start : block.end])))
            paths.append([words for _, words in path])
        for depth, words in enumerate(each.headings):
            assert all(path[depth] == words for path in paths)


def test_neighbouring_paragraphs_are_packed_up_to_the_budget() -> None:
    paragraphs = ["one two three four five six seven eight nine ten."] * 5
    assert [count_words(text) for text in _texts("\n\n".join(paragraphs), 20)] == [20, 20, 10]


def test_a_section_of_level_one_or_two_begins_a_chunk_and_deeper_ones_share() -> None:
    assert _texts("# A\n\na\n\n## B\n\nb\n\n### C\n\nc\n\n### D\n\nd\n", 100) == [
        "# A\n\na",
        "## B\n\nb\n\n### C\n\nc\n\n### D\n\nd",
    ]


def test_a_deeper_section_begins_a_chunk_when_the_one_before_is_half_full() -> None:
    assert len(_texts("### A\n\n" + "word " * 10 + "\n\n### B\n\nb", 20)) == 2


def test_headings_stand_with_the_text_that_follows() -> None:
    chunks = _chunks("# Notes\n\n## Loss\n\nIt falls.\n\n## Gain\n\nIt rises.\n")
    assert [(each.text, each.headings) for each in chunks] == [
        ("# Notes\n\n## Loss\n\nIt falls.", ("Notes", "Loss")),
        ("## Gain\n\nIt rises.", ("Notes", "Gain")),
    ]


def test_a_chunk_of_several_sections_names_the_headings_they_share() -> None:
    (only,) = _chunks("# N\n\n### A\n\na\n\n### B\n\nb\n")
    assert only.headings == ("N",)


def test_headings_alone_are_a_chunk_too() -> None:
    assert _texts("# Only\n") == ["# Only"]
    assert _texts("words\n\n# Last\n") == ["words", "# Last"]


def test_thousands_of_headings_do_not_grow_one_chunk() -> None:
    assert max(map(count_words, _texts("# a b c\n\n" * 1000, 20))) <= 20


def test_what_is_announced_stays_with_its_announcement() -> None:
    filler = "word " * 14
    assert _texts(f"{filler}\n\nThe loss is this:\n\n$$\na + b\n$$\n", 20) == [
        filler.strip(),
        "The loss is this:\n\n$$\na + b\n$$",
    ]


def test_a_long_paragraph_is_cut_at_sentence_ends() -> None:
    sentence = "The loss of the model e.g. Adam's falls with $x. Y$ each step."
    texts = _texts(" ".join([sentence] * 9), 30)
    assert len(texts) > 3
    assert all(_words(text).endswith("step.") and text.startswith("The loss") for text in texts)


def test_a_sentence_over_the_budget_is_cut_at_blanks_but_not_in_a_formula() -> None:
    formula = "$" + " + ".join("x" * 30) + "$"
    texts = _texts("word " * 30 + formula + " word" * 30, 20)
    assert sum(formula in text for text in texts) == 1
    assert all(count_words(text) <= 20 for text in texts if formula not in text)


def test_characters_without_blanks_are_cut_all_the_same() -> None:
    extracted = load("a.txt", ("长" * 1000).encode())
    texts = [each.text for each in chunk(extracted, count_tokens=len, budget_tokens=160)]
    assert "".join(texts) == "长" * 1000
    assert max(map(len, texts)) <= 160


def test_code_up_to_four_budgets_is_whole_and_beyond_is_cut_between_statements() -> None:
    function = "def f(x):\n    y = x\n\n    return y\n"
    assert len(_texts("```\n" + function * 9 + "```", 20)) == 1
    texts = _texts("```\n" + (function + "\n\n") * 30 + "```", 20)
    assert len(texts) > 5
    assert all(re.match(r"def|```", text) for text in texts)
    assert all(count_words(text) <= 20 for text in texts)


def test_a_table_is_cut_between_rows() -> None:
    row = "| a b c | d e f |"
    texts = _texts("| x | y |\n|---|---|\n" + f"{row}\n" * 20, 20)
    assert len(texts) > 3
    assert sum(text.count(row) for text in texts) == 20


def test_a_formula_may_be_a_chunk_over_the_budget_by_itself() -> None:
    formula = "$$\n" + "a + " * 100 + "b\n$$"
    words = "some words around the formula"
    assert formula in _texts(f"{words}\n\n{formula}\n\n{words}\n", 20)


def test_what_is_too_small_for_a_chunk_joins_a_neighbour_of_its_section() -> None:
    """A twelfth of 48 words is 4: fewer are found by their headings alone, and tell nothing."""
    long, code = " ".join(["word"] * 47), "```\n" + "line of code\n" * 16 + "```"
    assert _texts(f"{long}\n\nthree words here\n\n{long} end", 48) == [f"{long}\n\nthree words here", f"{long} end"]
    assert _texts(f"{long}\n\nas follows:\n\n{code}", 48) == [long, f"as follows:\n\n{code}"]
    assert _texts(f"## A\n\n:label:`a`\n\n{long}", 48) == [f"## A\n\n:label:`a`\n\n{long}"]
    assert _texts(f"{long}\n\n## A\n\nthree words here\n\n## B\n\n{long}", 48) == [
        long,
        "## A\n\nthree words here",
        f"## B\n\n{long}",
    ]


def test_garbage_in_a_table_row_does_not_fill_memory() -> None:
    texts = _texts("| x | y |\n|---|---|\n| " + "a " * 5000 + "| b |\n", 20)
    assert max(map(count_words, texts)) <= 20


def test_text_between_blocks_and_blocks_that_overlap_lose_nothing() -> None:
    text = "one\n\ntwo three\n\nfour"
    blocks = (Block("code", 5, 10), Block("list", 8, 14), Block("list", 14, 14), Block("paragraph", 90, 99))
    extracted = Extracted(text, "t", "text/plain", (), blocks)
    assert _words("".join(each.text for each in chunk(extracted, count_tokens=count_words, budget_tokens=1))) == _words(
        text
    )


def test_a_budget_below_one_is_refused() -> None:
    with pytest.raises(ValueError, match="budget_tokens is 0"):
        _chunks("words", 0)
