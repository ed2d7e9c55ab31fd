"""Source code of many languages: the characters as they stand; definitions, comments and code by a scan of the lines.

The scan knows each language's comments and the words that begin a definition, and tells by indents what stands inside
a class. It is light and linear, and a line number is never wrong. Python's own loader has the syntax tree.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import PurePosixPath

from indexer.loaders.decode import decode
from indexer.loaders.lines import LineBlock, line_anchors, line_starts, to_blocks
from indexer.loaders.source_languages import LANGUAGES, Language
from indexer.types import Extracted

_OUTER_LEVEL = 5  # of headings, as in Python: functions and classes; below it, what stands inside a class
_INNER_LEVEL = 6
_MAX_SIGNATURE = 12  # lines
_MAX_ABOVE = 20  # lines of comment that belong to the definition below; a longer one stands alone
_MAX_LINE = 500  # characters; a longer line is data, or was packed by a program
_ATTRIBUTES = ("@", "#[", "[[")  # begin lines that belong to the definition below


def load(name: str, data: bytes) -> Extracted:
    """The text of a source file; its name is its title. Raises LoadError."""
    text = decode(data)
    file = PurePosixPath(name.replace("\\", "/"))
    language = LANGUAGES[file.suffix.lower()]
    blocks = to_blocks(_scan(text.split("\n"), language), line_starts(text))
    return Extracted(text, file.name, f"text/x-{language.name}", line_anchors(text), blocks)


def _scan(lines: Sequence[str], language: Language) -> Iterator[LineBlock]:
    """The file as signatures (headings), comments that stand alone (paragraphs) and code."""
    comments = _comments(lines, language)
    done = number = 0
    outer, inner = None, -1  # the container last begun, and the indent of what it holds
    while number < len(lines):
        line = lines[number].lstrip()
        indent = len(lines[number]) - len(line)
        is_definition = not comments[number] and len(line) <= _MAX_LINE and language.definition.match(line)
        if is_definition and (indent == 0 or (outer is not None and indent > outer and inner in (-1, indent))):
            first, last = _with_comments(lines, comments, number, done), _end_of_signature(lines, number)
            yield from _between(lines, comments, done, first)
            yield LineBlock("heading", first, last, _INNER_LEVEL if indent else _OUTER_LEVEL)
            if not indent:
                outer, inner = (0 if language.container.match(line) else None), -1
            else:
                inner = indent
            done = number = last
        else:
            number += 1
    yield from _between(lines, comments, done, len(lines))


def _comments(lines: Sequence[str], language: Language) -> list[bool]:
    """For each line, whether it is nothing but comment."""
    found = [False] * len(lines)
    ends: dict[str, int] = {}  # where the end of a comment comes next, at or after the line last looked at
    number = 0
    while number < len(lines):
        line = lines[number].strip()
        last = _end_of_block_comment(lines, number, language, ends)
        if last is not None:
            found[number : last + 1] = [True] * (last + 1 - number)
            number = last
        elif line.startswith(language.line_comment) and not line.startswith("#["):  # an attribute in Rust
            found[number] = True
        number += 1
    return found


def _end_of_block_comment(lines: Sequence[str], number: int, language: Language, ends: dict[str, int]) -> int | None:
    """The last line of the block comment that begins at a line; None if there is none or it never ends."""
    line = lines[number].strip()
    for opens, closes in language.block_comments:
        if not line.startswith(opens):
            continue
        if closes in line[len(opens) :]:
            return number if line.endswith(closes) else None
        if ends.get(closes, 0) <= number:
            after = (at for at in range(number + 1, len(lines)) if closes in lines[at])
            ends[closes] = next(after, len(lines))  # looked for once, not again before that line
        return ends[closes] if ends[closes] < len(lines) else None
    return None


def _with_comments(lines: Sequence[str], comments: Sequence[bool], number: int, done: int) -> int:
    """The first of the comment and attribute lines right above a line, or the line itself."""
    first = number
    while first > done and (comments[first - 1] or lines[first - 1].lstrip().startswith(_ATTRIBUTES)):
        first -= 1
    return first if number - first <= _MAX_ABOVE else number


def _end_of_signature(lines: Sequence[str], number: int) -> int:
    """The line after the one on which all the parentheses are closed that open from a line on."""
    n_open = 0
    for at in range(number, min(len(lines), number + _MAX_SIGNATURE)):
        n_open += lines[at].count("(") - lines[at].count(")")
        if n_open <= 0:
            return at + 1
    return number + 1


def _between(lines: Sequence[str], comments: Sequence[bool], first: int, end: int) -> Iterator[LineBlock]:
    """The lines [first, end): comments from the margin on are paragraphs, all else is code."""
    begun, in_comment = first, False
    for number in range(first, end):
        if not lines[number].strip():
            continue
        is_prose = comments[number] and (in_comment or not lines[number][0].isspace())
        if is_prose != in_comment:
            if begun < number:
                yield LineBlock("paragraph" if in_comment else "code", begun, number)
            begun, in_comment = number, is_prose
    if begun < end:
        yield LineBlock("paragraph" if in_comment else "code", begun, end)
