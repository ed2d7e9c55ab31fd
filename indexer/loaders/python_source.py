"""Python source: the characters as they stand; classes, functions, docstrings and comments by the syntax tree.

Comments in the first column are read as Markdown, so that notebooks saved as scripts keep their sections.
"""

from __future__ import annotations

import ast
import io
import tokenize
import warnings
from collections.abc import Sequence
from pathlib import PurePosixPath

from indexer.errors import LoadError
from indexer.loaders.decode import decode
from indexer.loaders.lines import LineBlock, line_anchors, line_starts, paragraphs, to_blocks
from indexer.loaders.markdown import markdown_lines
from indexer.types import Extracted

# Below the six levels of sections that comments may hold, as far as there is room.
_CLASS_LEVEL = _FUNCTION_LEVEL = 5
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
    blocks: list[LineBlock] = []
    done = _body(tree, lines, blocks, done=0)
    _between(lines, done, len(lines), blocks)
    return blocks


def _body(node: ast.Module | ast.ClassDef, lines: Sequence[str], blocks: list[LineBlock], done: int) -> int:
    """Appends the blocks of a body to `blocks`, from line `done` on (from 0); returns the line it ends before."""
    for position, statement in enumerate(node.body):
        first, last = _first_line(statement), statement.end_lineno or statement.lineno
        if first < done or last <= first:  # shares a line with the statement before: "a = 1; b = 2"
            continue
        _between(lines, done, first, blocks)
        if position == 0 and _is_docstring(statement):
            blocks.append(LineBlock("paragraph", first, last))
        elif isinstance(statement, _Definition):
            _definition(statement, lines, blocks, in_class=isinstance(node, ast.ClassDef))
        else:
            _code(blocks, first, last)
        done = last
    return done


def _definition(node: _Definition, lines: Sequence[str], blocks: list[LineBlock], *, in_class: bool) -> None:
    """A class or function: its signature as a heading, its docstring, its body."""
    first, last = _first_line(node), node.end_lineno or node.lineno
    body = _first_line(node.body[0])
    if body <= node.lineno - 1:  # "def f(): return 1"
        blocks.append(LineBlock("code", first, last))
        return
    level = _METHOD_LEVEL if in_class else _FUNCTION_LEVEL
    blocks.append(LineBlock("heading", first, body, level))
    if isinstance(node, ast.ClassDef) and not in_class:
        done = _body(node, lines, blocks, done=body)
    elif _is_docstring(node.body[0]):
        done = node.body[0].end_lineno or body
        blocks.append(LineBlock("paragraph", body, done))
    else:
        done = body
    if done < last:
        blocks.append(LineBlock("code", done, last))


def _between(lines: Sequence[str], first: int, last: int, blocks: list[LineBlock]) -> None:
    """The comments of the lines [first, last), as Markdown where they begin in the first column."""
    for run in paragraphs(lines[first:last], "code", first):
        part = lines[run.first : run.last]
        if all(line.startswith("#") for line in part):
            prose = "\n".join(line[2:] if line[1:2] == " " else line[1:] for line in part)
            blocks += [
                LineBlock(block.kind, block.first + run.first, block.last + run.first, block.level)
                for block in markdown_lines(prose)
            ]
        else:
            _code(blocks, run.first, run.last)


def _code(blocks: list[LineBlock], first: int, last: int) -> None:
    """Appends lines of code, as one block with the code right before them."""
    if blocks and blocks[-1].kind == "code" and blocks[-1].last == first:
        first = blocks.pop().first
    blocks.append(LineBlock("code", first, last))


def _first_line(node: ast.stmt) -> int:
    """The first line of a statement from 0, its decorators included."""
    decorators = getattr(node, "decorator_list", [])
    return min([node.lineno, *(decorator.lineno for decorator in decorators)]) - 1


def _is_docstring(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
