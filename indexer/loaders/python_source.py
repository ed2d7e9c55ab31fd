"""Python source: the characters as they stand; classes, functions, docstrings and comments by the syntax tree.

Notebooks saved as scripts keep their sections: comments in cells marked "# %% [markdown]" are read as Markdown.
"""

from __future__ import annotations

import ast
import io
import tokenize
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from indexer.errors import LoadError
from indexer.loaders.decode import decode
from indexer.loaders.lines import LineBlock, line_anchors, line_starts, paragraphs, to_blocks
from indexer.loaders.markdown import markdown_lines
from indexer.types import BlockKind, Extracted

# Below the six levels of sections that comments may hold, as far as there is room.
_FUNCTION_LEVEL = 5  # and of classes
_METHOD_LEVEL = 6

_Definition = ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef


def load(name: str, data: bytes) -> Extracted:
    """The text of a Python file; what does not parse is taken as lines of code. Raises LoadError."""
    text = decode(data, _declared_encoding(data))
    lines = text.split("\n")
    blocks = to_blocks(_structure(text, lines), line_starts(text))
    title = PurePosixPath(name.replace("\\", "/")).name
    return Extracted(text, title, "text/x-python", line_anchors(text), blocks)


def _declared_encoding(data: bytes) -> str:
    """The encoding that the file's coding comment names (PEP 263), else UTF-8."""
    try:
        return tokenize.detect_encoding(io.BytesIO(data).readline)[0]
    except SyntaxError as error:
        if "unknown encoding" in str(error):
            raise LoadError(f"the file names an {error}: save it as UTF-8") from error
        return "utf-8"


def _structure(text: str, lines: Sequence[str]) -> list[LineBlock]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of the user's code: invalid escapes and the like
            tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return paragraphs(lines, "code")
    source = _Source(lines, _markdown_cells(lines))
    source.body(tree)
    source.between(len(lines))
    return source.blocks


def _markdown_cells(lines: Sequence[str]) -> list[bool]:
    """For each line, whether it stands in a cell of Markdown (the percent format of notebooks as scripts)."""
    found, inside = [], False
    for line in lines:
        if line.startswith("# %%"):
            inside = "[markdown]" in line or "[md]" in line
        found.append(inside)
    return found


@dataclass(slots=True)
class _Source:
    """The blocks of a file in the making; all before line `done` (from 0) is in `blocks`."""

    lines: Sequence[str]
    in_markdown: Sequence[bool]
    blocks: list[LineBlock] = field(default_factory=list)
    done: int = 0

    def body(self, node: ast.Module | ast.ClassDef) -> None:
        """Adds the statements of a module or class, with the comments above them."""
        for position, statement in enumerate(node.body):
            first, last = _first_line(statement), statement.end_lineno or statement.lineno
            if first < self.done:  # shares a line with the statement before: "a = 1; b = 2"
                continue
            first = self._first_comment(first)
            self.between(first)
            if position == 0 and _is_docstring(statement):
                self._add("paragraph", last)
            elif isinstance(statement, _Definition):
                self._definition(statement, in_class=isinstance(node, ast.ClassDef))
            else:
                self._add("code", last)

    def between(self, end: int) -> None:
        """Adds the comments that stand alone before line `end`."""
        for run in paragraphs(self.lines[self.done : end], "code", self.done):
            self.done = run.first
            if self.in_markdown[run.first]:
                self._markdown(run)
            comment = all(line.lstrip().startswith("#") for line in self.lines[self.done : run.last])
            self._add("paragraph" if comment else "code", run.last)
        self.done = end

    def _definition(self, node: _Definition, *, in_class: bool) -> None:
        """Adds a class or function: its signature as a heading, its docstring, its body."""
        body, last = _first_line(node.body[0]), node.end_lineno or node.lineno
        if body < node.lineno:  # "def f(): return 1"
            self._add("code", last)
            return
        self._add("heading", body, _METHOD_LEVEL if in_class else _FUNCTION_LEVEL)
        if isinstance(node, ast.ClassDef) and not in_class:
            self.body(node)
        elif _is_docstring(node.body[0]):
            self._add("paragraph", node.body[0].end_lineno or body)
        self._add("code", last)

    def _markdown(self, run: LineBlock) -> None:
        """Adds a run of comments as Markdown; a cell's mark goes with the block under it."""
        prose = [line[2:] if line.startswith("# ") else line[1:] for line in self.lines[run.first : run.last]]
        if prose[0].startswith("%%"):
            prose[0] = ""
        for block in markdown_lines("\n".join(prose)):
            self._add(block.kind, block.last + run.first, block.level)

    def _add(self, kind: BlockKind, end: int, level: int = 0) -> None:
        """Adds the lines up to `end` as one block; code joins the code right before it."""
        first = self.done
        if end <= first:
            return
        if kind == "code" and self.blocks and self.blocks[-1].kind == "code" and self.blocks[-1].last == first:
            first = self.blocks.pop().first
        self.blocks.append(LineBlock(kind, first, end, level))
        self.done = end

    def _first_comment(self, line: int) -> int:
        """The first of the comment lines right above a line, or the line itself."""
        while line > self.done and self.lines[line - 1].lstrip().startswith("#") and not self.in_markdown[line - 1]:
            line -= 1
        return line


def _first_line(node: ast.stmt) -> int:
    """The first line of a statement from 0, its decorators included."""
    decorators = getattr(node, "decorator_list", [])
    return min([node.lineno, *(decorator.lineno for decorator in decorators)]) - 1


def _is_docstring(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
