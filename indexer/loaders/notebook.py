"""Jupyter notebooks: the source and the text outputs of each cell, one anchor a cell (nbformat 3 and 4).

The execution count of a cell stands above its source and its result, as Jupyter shows it: "In [3]:", "Out[3]:".
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from indexer.errors import EmptyDocument, LoadError
from indexer.loaders.decode import decode, title_of, without_surrogates
from indexer.loaders.markdown import leading_heading, markdown_blocks, without_embedded_data
from indexer.loaders.missing import numbered
from indexer.types import Anchor, Block, BlockKind, Extracted

_MEDIA_TYPE = "application/x-ipynb+json"
_TERMINAL_CODES = re.compile(r"\x1b\[[0-9;?]{0,20}[A-Za-z]")
# What says nothing to a reader.
_OBJECT_ONLY = re.compile(r"<[\w.]*(?:Figure|Axes|Image|HTML|Markdown|Latex|Math|Audio|Video|object)\b[^\n]*>")
_MARKUP = ("text/markdown", "text/latex")
_SEPARATOR = "\n\n"


@dataclass(slots=True)
class _Notebook:
    """The document in the making."""

    parts: list[str] = field(default_factory=list)
    n_chars: int = 0
    anchors: list[Anchor] = field(default_factory=list)
    blocks: list[Block] = field(default_factory=list)

    def add(self, cell: int, text: str, kind: BlockKind | None) -> None:
        """Appends a piece of cell `cell`; kind None means Markdown."""
        start, end = self.n_chars, self.n_chars + len(text)
        self.blocks += markdown_blocks(text, start) if kind is None else [Block(kind, start, end)]
        self.parts += [text, _SEPARATOR]
        self.n_chars = end + len(_SEPARATOR)
        if self.anchors and self.anchors[-1].cell == cell:
            start = self.anchors.pop().start
        self.anchors.append(Anchor(start, self.n_chars, cell=cell))


def load(name: str, data: bytes) -> Extracted:
    """The cells of a notebook in order, blank ones skipped but counted; raises LoadError."""
    root = _parse(decode(data))
    notebook = _Notebook()
    for number, cell in enumerate(_cells(root), 1):
        for text, kind in _pieces(cell):
            if text.strip():
                notebook.add(number, text, kind)
    if not notebook.parts:
        raise EmptyDocument("the notebook has no cell with text")
    text, blocks = "".join(notebook.parts), tuple(notebook.blocks)
    title = _title(root) or leading_heading(text, blocks) or title_of(name)
    return Extracted(text, title, _MEDIA_TYPE, tuple(notebook.anchors), blocks, _notices(_cells(root)))


def _notices(cells: list[dict[str, Any]]) -> tuple[str, ...]:
    """What of the notebook is not in its text; pictures are no text, nor are the scripts of interactive outputs."""
    unread = [
        number
        for number, cell in enumerate(cells, 1)
        if cell.get("cell_type") == "code" and any(map(_is_unread, _outputs(cell)))
    ]
    outputs = "an output" if len(unread) == 1 else "outputs"
    return (
        (f"{outputs} of {numbered('cell', unread)} not read: no plain text is kept beside its markup",)
        if unread
        else ()
    )


def _is_unread(output: dict[str, Any]) -> bool:
    """Whether an output has words, but none of them as plain text."""
    data = output.get("data")
    if not isinstance(data, dict) or _output(output):
        return False
    return any(_text(data.get(kind)).strip() for kind in _MARKUP) or "<table" in _text(data.get("text/html"))


def _parse(source: str) -> dict[str, Any]:
    try:
        root = json.loads(source)
    except ValueError as error:  # JSONDecodeError, or an integer of thousands of digits
        raise LoadError(f"the notebook is not JSON ({error}): is it complete?") from error
    except RecursionError as error:
        raise LoadError("the notebook's JSON is nested too deeply") from error
    if not isinstance(root, dict):
        raise LoadError("the file is JSON but not a notebook: it has no cells")
    return root


def _cells(root: dict[str, Any]) -> list[dict[str, Any]]:
    cells = root.get("cells")
    worksheets = root.get("worksheets")  # nbformat 3
    if cells is None and isinstance(worksheets, list):
        sheets = [sheet.get("cells") for sheet in worksheets if isinstance(sheet, dict)]
        cells = [cell for sheet in sheets if isinstance(sheet, list) for cell in sheet]
    if not isinstance(cells, list) or not all(isinstance(cell, dict) for cell in cells):
        raise LoadError("the file is JSON but not a notebook: it has no cells")
    return cells


def _pieces(cell: dict[str, Any]) -> Iterator[tuple[str, BlockKind | None]]:
    """The cell's source, then its outputs, with their kinds; None for Markdown."""
    source = _text(cell.get("source", cell.get("input")))
    match cell.get("cell_type"):
        case "markdown" | "heading":
            level = cell.get("level")
            marks = "#" * level + " " if isinstance(level, int) and 1 <= level <= 6 else ""
            yield marks + without_embedded_data(source), None
        case "code":
            count = cell.get("execution_count", cell.get("prompt_number"))
            yield _numbered("In [{}]:\n", count, source), "code"
            for output in _outputs(cell):
                is_result = output.get("output_type") in ("execute_result", "pyout")
                yield _numbered("Out[{}]:\n", count if is_result else None, _output(output)), "output"
        case _:
            yield source, "paragraph"


def _outputs(cell: dict[str, Any]) -> list[dict[str, Any]]:
    outputs = cell.get("outputs")
    return [output for output in outputs if isinstance(output, dict)] if isinstance(outputs, list) else []


def _numbered(mark: str, count: object, text: str) -> str:
    """The text under the mark with which Jupyter shows its execution count; as it is without a count or words."""
    return mark.format(count) + text if isinstance(count, int) and text.strip() else text


def _output(output: dict[str, Any]) -> str:
    """The plain text of an output; empty for pictures and bare object names."""
    if output.get("output_type") in ("error", "pyerr"):
        return f"{_text(output.get('ename'))}: {_text(output.get('evalue'))}"
    bundle = output.get("data", output)
    plain = bundle.get("text/plain") if isinstance(bundle, dict) else None
    shown = _TERMINAL_CODES.sub("", _string(output.get("text") if plain is None else plain))
    # A carriage return takes the cursor back: of a progress bar's many states the last one is seen.
    text = "\n".join(line.rstrip("\r").rpartition("\r")[2] for line in shown.split("\n")).rstrip()
    return "" if _OBJECT_ONLY.fullmatch(text.strip()) else text


def _text(value: object) -> str:
    return _string(value).replace("\r", "\n")


def _string(value: object) -> str:
    """A multi-line string of the format (a string or a list of them) with "\\n" line ends; anything else is empty."""
    if isinstance(value, list):
        value = "".join(part for part in value if isinstance(part, str))
    if not isinstance(value, str):
        return ""
    return without_surrogates(value).replace("\r\n", "\n").replace("\0", "\ufffd")


def _title(root: dict[str, Any]) -> str | None:
    metadata = root.get("metadata")
    title = metadata.get("title") if isinstance(metadata, dict) else None
    return title.strip() or None if isinstance(title, str) else None
