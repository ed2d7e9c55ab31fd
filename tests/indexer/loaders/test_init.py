"""What holds for the documents of every format, and for files that are none."""

from __future__ import annotations

import json
import random
import time
from contextlib import suppress
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from indexer.errors import EmptyDocument, LoadError, UnsupportedFormat
from indexer.loaders import SUFFIXES, load
from tests.indexer.loaders.documents import FILES


@settings(max_examples=40, deadline=None)
@given(FILES)
def test_anchors_cover_the_text_and_blocks_are_in_order_and_apart(file: tuple[str, bytes]) -> None:
    extracted = load(*file)
    assert extracted.anchors[0].start == 0
    assert extracted.anchors[-1].end == len(extracted.text)
    assert all(before.end == after.start for before, after in pairwise(extracted.anchors))
    for anchor in extracted.anchors:
        assert anchor.start < anchor.end
        assert len(anchor.boxes) in (0, anchor.end - anchor.start)
    position = 0
    for block in extracted.blocks:
        assert position <= block.start < block.end <= len(extracted.text)
        assert (block.level in range(1, 7)) == (block.kind == "heading")
        position = block.end


@settings(max_examples=40, deadline=None)
@given(
    st.sampled_from(sorted(SUFFIXES)),
    st.one_of(st.binary(max_size=300), st.text(max_size=300).map(lambda t: t.encode("utf-8", "replace"))),
)
def test_any_bytes_give_a_document_or_a_load_error(suffix: str, data: bytes) -> None:
    try:
        extracted = load("x" + suffix, data)
    except LoadError as error:
        reason = str(error)
    else:
        reason = extracted.title
        assert extracted.text.strip()
        extracted.text.encode("utf-8")
    assert reason.encode("utf-8")
    assert "\n" not in reason


@pytest.mark.parametrize("suffix", sorted(SUFFIXES))
def test_an_empty_file_is_an_empty_document(suffix: str) -> None:
    for data in (b"", b" \n\t\n") if suffix != ".pdf" else (b"",):
        with pytest.raises(EmptyDocument, match="empty"):
            load("x" + suffix, data)


@pytest.mark.parametrize("suffix", sorted(SUFFIXES))
def test_binary_data_under_any_name_is_refused(suffix: str) -> None:
    with pytest.raises(LoadError):
        load("x" + suffix, random.Random(0).randbytes(5000))
    with pytest.raises(LoadError):
        load("x" + suffix, b"notes\0on\0attention" * 9)


def test_an_unknown_suffix_is_named_beside_the_known_ones() -> None:
    with pytest.raises(UnsupportedFormat, match=r"'\.doc'.*\.ipynb.*\.md.*\.pdf"):
        load("thesis.doc", b"PK")
    with pytest.raises(UnsupportedFormat, match="without an ending"):
        load("LICENSE", b"text")


def test_the_suffix_may_be_in_capitals_and_the_name_a_path_of_any_system() -> None:
    assert load("C:\\notes\\My Notes.TXT", b"words").title == "My Notes"


def test_lone_surrogates_of_json_and_html_never_reach_the_text() -> None:
    notebook = json.dumps({"cells": [{"cell_type": "markdown", "source": "a \ud800 b"}]})
    assert load("x.ipynb", notebook.encode()).text.startswith("a \ufffd b")
    load("x.html", b"<title>&#xD800;</title><p>a &#xDFFF; b &#55357;</p>").text.encode("utf-8")


def test_deep_nesting_is_survived() -> None:
    deep = 100_000
    for name, data in [
        ("x.html", b"<div>" * 2000 + b"words"),
        ("x.md", b"> " * deep + b"words"),
        ("x.md", b"- " * deep + b"words"),
        ("x.py", b"x = " + b"(" * deep + b")" * deep),
        ("x.py", b"x = " + b"-" * deep + b"1"),
    ]:
        assert load(name, data).text.strip()
    with pytest.raises(LoadError, match="nested"):
        load("x.html", b"<p>words" + b"<div>" * deep + b"more words")
    with pytest.raises(LoadError, match="nested"):
        load("x.ipynb", b'{"cells":' + b"[" * deep + b"]" * deep + b"}")


@pytest.mark.parametrize(
    ("name", "piece"),
    [
        ("x.md", "\\begin{align}\n"),
        ("x.md", "$$ a\n"),
        ("x.md", "`a"),
        ("x.md", "| a\n|-\n"),
        ("x.rst", ".. math::\n"),
        ("x.rst", "a::\n\n"),
        ("x.html", "<b>a"),
        ("x.html", "<meta "),
        ("x.py", "# a\n\n"),
    ],
)
def test_repeated_openings_do_not_cost_quadratic_time(name: str, piece: str) -> None:
    begun = time.process_time()
    with suppress(LoadError):  # "nested too deeply" is an answer too, if it comes soon
        load(name, b"words\n\n" + piece.encode() * (60_000 // len(piece)))
    assert time.process_time() - begun < 3
