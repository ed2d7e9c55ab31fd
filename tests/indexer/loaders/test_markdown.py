from __future__ import annotations

import re
from textwrap import dedent

import pytest
from hypothesis import given, settings

from indexer.errors import EmptyDocument
from indexer.loaders.markdown import load
from indexer.places import place
from indexer.types import Extracted
from tests.indexer.loaders.documents import MARKDOWN


def _load(source: str) -> Extracted:
    return load("notes.md", dedent(source).encode())


def _blocks(source: str) -> list[tuple[str, str]]:
    extracted = _load(source)
    return [(block.kind, extracted.text[block.start : block.end].strip()) for block in extracted.blocks]


@settings(max_examples=20, deadline=None)
@given(MARKDOWN)
def test_every_word_of_the_text_stands_at_its_place_in_the_file(source: str) -> None:
    extracted = load("a.md", ("---\ntags: [x]\n---\n" + source).encode())
    lines = ("---\ntags: [x]\n---\n" + source).split("\n")
    for word in re.finditer(r"\S+", extracted.text):
        at = place(extracted.anchors, *word.span())
        assert at.line_start == at.line_end
        assert word.group() in lines[at.line_start - 1]


def test_the_text_is_the_source_without_its_front_matter() -> None:
    extracted = _load("---\ntitle: 'On loss'\n---\n# Loss\n\n*It* falls.\n")
    assert extracted.text == "# Loss\n\n*It* falls.\n"
    assert extracted.title == "On loss"
    assert place(extracted.anchors, 0, 3).line_start == 4


def test_front_matter_alone_is_no_document() -> None:
    with pytest.raises(EmptyDocument, match="front matter"):
        _load("---\ntitle: x\n---\n")


def test_a_rule_at_the_top_is_no_front_matter() -> None:
    assert _load("---\n\nwords\n").text == "---\n\nwords\n"


@pytest.mark.parametrize(
    ("source", "title"),
    [
        ("## Small\n# The *big* one #\n# Another\n", "The big one"),
        ("Title\n=====\n\nwords", "Title"),
        ("## Only section\nwords", "Only section"),
        ("## One\n## Two\n", "notes"),
        ("no heading", "notes"),
        ("```\n# a comment\n```", "notes"),
    ],
)
def test_the_title_is_the_leading_heading_or_the_name_of_the_file(source: str, title: str) -> None:
    assert _load(source).title == title


def test_structure() -> None:
    source = """\
        # Head

        Some prose
        over two lines.

        - one
          wrapped
        - two

        ```python
        x = 1

        y = 2
        ```

            indented code

        $$
        E = mc^2
        $$

        \\begin{align}
        a &= b
        \\end{align}

        | a | b |
        |---|---|
        | 1 | 2 |
        | 3 | 4 |

        > quoted

        <div>html</div>

        [^1]: A footnote.
        """
    assert _blocks(source) == [
        ("heading", "# Head"),
        ("paragraph", "Some prose\nover two lines."),
        ("list", "- one\n  wrapped"),
        ("list", "- two"),
        ("code", "```python\nx = 1\n\ny = 2\n```"),
        ("code", "indented code"),
        ("formula", "$$\nE = mc^2\n$$"),
        ("formula", "\\begin{align}\na &= b\n\\end{align}"),
        ("table_row", "| a | b |\n|---|---|"),
        ("table_row", "| 1 | 2 |"),
        ("table_row", "| 3 | 4 |"),
        ("paragraph", "> quoted"),
        ("paragraph", "<div>html</div>"),
        ("paragraph", "[^1]: A footnote."),
    ]


def test_code_and_formulas_within_a_list_are_blocks_of_their_own() -> None:
    kinds = [kind for kind, _ in _blocks("1. so:\n\n   ```\n   x\n   ```\n\n   $$\n   y\n   $$\n\n2. then\n")]
    assert kinds == ["list", "code", "formula", "list"]


def test_headings_within_quotations_and_lists_head_nothing() -> None:
    assert [kind for kind, _ in _blocks("> # quoted\n\n- # item\n")] == ["paragraph", "paragraph"]


def test_a_stray_dollar_pair_does_not_swallow_the_document() -> None:
    kinds = [kind for kind, _ in _blocks("$$ is a token\n\n# Head\n\nwords\n\n$$\nx\n$$\n")]
    assert kinds == ["paragraph", "heading", "paragraph", "formula"]


def test_the_bytes_of_embedded_pictures_are_left_out_and_lines_stay() -> None:
    extracted = _load(f"![plot](data:image/png;base64,{'iVBORw0KGgo' * 2000}==)\nafter\n")
    assert extracted.text == "![plot](data:image/png;base64,)\nafter\n"
    assert place(extracted.anchors, 32, 37).line_start == 2
