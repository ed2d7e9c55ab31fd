"""Places are true, in every format: each word of a document stands in the file where its place says, and none is lost."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings

from indexer.loaders import SUFFIXES, load
from indexer.places import place
from tests.indexer.loaders.samples import LINES, SAMPLES, Sample, Words


@settings(max_examples=150, deadline=None)
@given(SAMPLES)
def test_every_word_stands_where_its_place_says_and_none_is_lost(sample: Sample) -> None:
    extracted = load(sample.name, sample.data)
    for word in sample.read:
        found = [match.start() for match in re.finditer(word, extracted.text)]
        assert found, f"{word} is lost"
        for start in found:
            assert word in sample.locate(place(extracted.anchors, start, start + len(word)))
    assert [word for word in sample.unread if word in extracted.text] == []


@settings(max_examples=100, deadline=None)
@given(SAMPLES)
def test_a_range_is_at_the_place_of_its_first_and_last_word(sample: Sample) -> None:
    extracted = load(sample.name, sample.data)
    for block in extracted.blocks:
        inside = [word for word in sample.read if word in extracted.text[block.start : block.end]]
        at = place(extracted.anchors, block.start, block.end)
        shown = sample.locate(at)
        assert [word for word in inside if word not in shown] == [] or at.line_start is None or at.page is not None
        if at.line_start is not None and at.line_end is not None:
            assert at.line_start <= at.line_end


def test_every_format_has_samples() -> None:
    languages = {f".{suffix}" for suffix in "bash cc cpp cs cu cuh cxx go h hh hpp hs java jl jsx kt kts lua".split()}
    languages |= {
        f".{suffix}" for suffix in "m mjs php pl r rb scala sh swift ts tsx zsh".split()
    }  # read as .c and .js are
    others = {".docx", ".epub", ".ipynb", ".pdf"} | {".htm", ".xhtml", ".markdown", ".text"}
    assert {*LINES} | languages | others == SUFFIXES


@pytest.mark.parametrize("suffix", [".md", ".txt", ".rst", ".py", ".c", ".js", ".rs", ".sql"])
def test_formats_of_plain_lines_keep_every_character(suffix: str) -> None:
    source = Words().fill("\n\n".join(LINES[suffix]))
    assert load("x" + suffix, source.encode()).text == source
