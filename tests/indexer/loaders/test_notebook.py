from __future__ import annotations

import json
from typing import Any

import pytest

from indexer.errors import EmptyDocument, LoadError
from indexer.loaders.notebook import load
from indexer.places import place
from indexer.types import Extracted


def _load(*cells: dict[str, Any], **root: Any) -> Extracted:
    return load("notes.ipynb", json.dumps({"cells": list(cells), **root}).encode())


def _markdown(source: Any) -> dict[str, Any]:
    return {"cell_type": "markdown", "source": source}


def _code(source: Any, *outputs: dict[str, Any]) -> dict[str, Any]:
    return {"cell_type": "code", "source": source, "outputs": list(outputs)}


def _shown(plain: str, **bundle: str) -> dict[str, Any]:
    return {"output_type": "execute_result", "data": {"text/plain": [plain], **bundle}}


def _output(output: dict[str, Any]) -> str:
    extracted = _load(_code("x", output))
    return "".join(extracted.text[block.start : block.end] for block in extracted.blocks if block.kind == "output")


def test_cells_and_their_text_outputs_follow_each_other_and_know_their_number() -> None:
    extracted = _load(
        _markdown(["# Loss\n", "falls."]), _markdown(" "), _code("x = 1\nx", _shown("1")), _markdown("done")
    )
    assert extracted.text == "# Loss\nfalls.\n\nx = 1\nx\n\n1\n\ndone\n\n"
    assert extracted.title == "Loss"
    kinds = [(block.kind, extracted.text[block.start : block.end].strip()) for block in extracted.blocks]
    assert kinds == [
        ("heading", "# Loss"),
        ("paragraph", "falls."),
        ("code", "x = 1\nx"),
        ("output", "1"),
        ("paragraph", "done"),
    ]
    for words, cell in [("falls", 1), ("x = 1", 3), ("1\n\n", 3), ("done", 4)]:
        start = extracted.text.index(words)
        at = place(extracted.anchors, start, start + len(words))
        assert (at.cell, at.line_start, at.page, at.boxes) == (cell, None, None, None)


def test_a_stream_an_error_and_a_result_are_read_and_pictures_are_not() -> None:
    assert _output({"output_type": "stream", "text": ["a\n", "b\n"]}) == "a\nb"
    assert (
        _output({"output_type": "error", "ename": "ValueError", "evalue": "bad", "traceback": ["..."]})
        == "ValueError: bad"
    )
    assert _output(_shown("tensor([1.])", **{"text/html": "<b>1</b>"})) == "tensor([1.])"
    assert _output(_shown("<Figure size 640x480 with 1 Axes>", **{"image/png": "iVBORw0="})) == ""
    assert _output({"output_type": "display_data", "data": {"image/png": "iVBORw0="}}) == ""


def test_of_a_terminal_only_what_remains_on_the_screen_is_read() -> None:
    assert _output({"output_type": "stream", "text": "  0%|\r 50%|\r100%|\n\x1b[31mred\x1b[0m\r\n"}) == "100%|\nred"


def test_old_notebooks_with_worksheets_are_read() -> None:
    cells = [
        {"cell_type": "heading", "level": 2, "source": "Old"},
        {"cell_type": "code", "input": "1", "outputs": [{"output_type": "pyout", "text": "1"}]},
    ]
    extracted = load("x.ipynb", json.dumps({"worksheets": [{"cells": cells}], "nbformat": 3}).encode())
    assert extracted.text == "## Old\n\n1\n\n1\n\n"


def test_the_title_is_the_metadatas_before_the_leading_headings() -> None:
    assert _load(_markdown("# Head"), metadata={"title": "Given"}).title == "Given"
    assert _load(_code("x = 1")).title == "notes"


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ('{"cells": [{"cell_type": "code", "sour', "not JSON"),
        ("[1, 2]", "not a notebook"),
        ('{"name": "package"}', "not a notebook"),
        ('{"cells": {"a": 1}}', "not a notebook"),
        ('{"cells": [1]}', "not a notebook"),
        ('{"worksheets": [1]}', "no cell"),
        ("1" * 5000, "not JSON"),
    ],
)
def test_what_is_no_notebook_is_refused_with_the_reason(source: str, reason: str) -> None:
    with pytest.raises(LoadError, match=reason):
        load("x.ipynb", source.encode())


def test_cells_of_the_wrong_shape_are_taken_as_empty() -> None:
    odd = {"cell_type": "code", "source": {"a": 1}, "outputs": "none"}
    with pytest.raises(EmptyDocument, match="no cell with text"):
        _load(odd, {}, _code(None), _markdown([1, None]))


def test_the_execution_count_stands_above_the_source_and_its_result_as_jupyter_shows_it() -> None:
    stream = {"output_type": "stream", "text": "printed"}
    extracted = _load(
        {**_code("x", stream, _shown("7")), "execution_count": 3}, {**_code("y"), "execution_count": None}
    )
    assert extracted.text == "In [3]:\nx\n\nprinted\n\nOut[3]:\n7\n\ny\n\n"
    assert [block.kind for block in extracted.blocks] == ["code", "output", "output", "code"]


def test_outputs_whose_words_are_kept_as_markup_alone_are_told_by_their_cells() -> None:
    markdown = {"output_type": "display_data", "data": {"text/plain": "<IPython.core.display.Markdown object>",
                                                        "text/markdown": ["# Result"]}}  # fmt: skip
    table = {"output_type": "display_data", "data": {"text/html": "<table><td>1</td></table>"}}
    picture = {"output_type": "display_data", "data": {"image/png": "aGk=", "text/plain": "<Figure size 1x1>"}}
    widget = {"output_type": "display_data", "data": {"text/html": "<div></div><script>draw()</script>"}}
    both = _shown("1", **{"text/html": "<table></table>"})
    assert _load(_code("x", picture, widget, both)).notices == ()
    assert _load(_markdown("a"), _code("x", markdown)).notices == (
        "an output of cell 2 not read: no plain text is kept beside its markup",
    )
    assert _load(_code("x", table), _code("y", markdown)).notices[0].startswith("outputs of cells 1-2 not read")
