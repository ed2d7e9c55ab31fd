"""Markdown: the source characters as they stand, without front matter; structure from markdown-it's line maps.

Keeping the source verbatim makes every quote findable in the file, and formulas, tables and code exact.
CommonMark 0.31 with tables, footnotes, dollar mathematics and amsmath environments.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache

from markdown_it import MarkdownIt
from markdown_it.ruler import RuleOptionsType
from markdown_it.rules_block import StateBlock
from markdown_it.token import Token
from mdit_py_plugins.amsmath import amsmath_block
from mdit_py_plugins.dollarmath.index import math_block_dollar
from mdit_py_plugins.footnote import footnote_plugin
from mdit_py_plugins.front_matter import front_matter_plugin

from indexer.errors import EmptyDocument
from indexer.headings import heading_words
from indexer.loaders.decode import decode, title_of
from indexer.loaders.lines import LineBlock, line_anchors, line_starts, to_blocks
from indexer.types import Block, BlockKind, Extracted

_BlockRule = Callable[[StateBlock, int, int, bool], bool]

_MAX_FORMULA_LINES = 200
_LEAVES: dict[str, BlockKind] = {
    "paragraph_open": "paragraph",
    "html_block": "paragraph",
    "fence": "code",
    "code_block": "code",
    "math_block": "formula",
    "math_block_label": "formula",
    "amsmath": "formula",
    "tr_open": "table_row",
}
_DATA_URI = re.compile(r"(data:[\w/+.-]{1,80};base64,)[A-Za-z0-9+/=%]{64,}")
_FRONT_TITLE = re.compile(r"^title:[ \t]*(.+)$", re.MULTILINE)


def load(name: str, data: bytes) -> Extracted:
    """The text of a Markdown file from the end of its front matter on; embedded images lose their base64 bytes.

    The title is the front matter's, else its leading heading's, else the file's. Raises LoadError.
    """
    source = without_embedded_data(decode(data))
    tokens = _parser().parse(source)
    skipped, title = _front_matter(tokens)
    starts = line_starts(source)
    text = source[starts[min(skipped, len(starts) - 1)] :]
    if not text.strip():
        raise EmptyDocument("the file holds front matter and no text")
    blocks = to_blocks(_line_blocks(tokens), starts, offset=len(text) - len(source))
    title = title or leading_heading(text, blocks) or title_of(name)
    return Extracted(text, title, "text/markdown", line_anchors(text, first_line=skipped + 1), blocks)


def markdown_blocks(text: str, offset: int = 0) -> tuple[Block, ...]:
    """The structure of a piece of Markdown that starts at character `offset` of a document."""
    return to_blocks(markdown_lines(text), line_starts(text), offset)


def markdown_lines(text: str) -> list[LineBlock]:
    """The structure of a piece of Markdown, by lines."""
    return _line_blocks(_parser().parse(text))


def without_embedded_data(source: str) -> str:
    """`source` with the bytes of base64 data addresses cut out; the lines stay where they are."""
    return _DATA_URI.sub(r"\1", source)


def leading_heading(text: str, blocks: tuple[Block, ...]) -> str | None:
    """The words of the heading that names the whole document: the first of level 1, or the only one of its level."""
    headings = [block for block in blocks if block.kind == "heading"]
    top = min((block.level for block in headings), default=0)
    candidates = [block for block in headings if block.level == top]
    if not candidates or (top > 1 and len(candidates) > 1):
        return None
    return heading_words(text[candidates[0].start : candidates[0].end]) or None


@cache
def _parser() -> MarkdownIt:
    parser = MarkdownIt("commonmark").enable("table")
    parser.use(front_matter_plugin).use(footnote_plugin, move_to_end=False)
    # Blank lines end a formula, as on GitHub: one stray "$$" must not swallow the rest of the document.
    dollars = _bounded(math_block_dollar(allow_blank_lines=False))
    parser.block.ruler.before("fence", "math_block", dollars)
    interrupts: RuleOptionsType = {"alt": ["paragraph", "reference", "blockquote", "list", "footnote_def"]}
    parser.block.ruler.before("blockquote", "amsmath", _bounded(amsmath_block), interrupts)
    parser.core.ruler.disable(["inline"])  # lines are all we need, and inline parsing is most of the time
    return parser


def _bounded(rule: _BlockRule) -> _BlockRule:
    """The rule, looking for a formula's end in so many lines only: a thousand unclosed ones cost linear time."""

    def bounded(state: StateBlock, first: int, last: int, silent: bool) -> bool:
        return rule(state, first, min(last, first + _MAX_FORMULA_LINES), silent)

    return bounded


def _front_matter(tokens: list[Token]) -> tuple[int, str | None]:
    """How many lines the front matter takes, and the title it gives."""
    if not tokens or tokens[0].type != "front_matter" or tokens[0].map is None:
        return 0, None
    found = _FRONT_TITLE.search(tokens[0].content)
    return tokens[0].map[1], found.group(1).strip().strip("\"'").strip() if found else None


def _line_blocks(tokens: list[Token]) -> list[LineBlock]:
    blocks: list[LineBlock] = []
    list_depth = 0
    for number, token in enumerate(tokens):
        if token.type in ("list_item_open", "list_item_close"):
            list_depth += token.nesting
        if token.map is None:
            continue
        first, last = token.map
        if token.type == "heading_open":
            blocks.append(_heading(token, first, last))
        elif kind := _LEAVES.get(token.type):
            if token.type == "amsmath":  # its map leaves out the last line
                last = first + token.content.rstrip("\n").count("\n") + 1
            if kind == "table_row" and tokens[number - 1].type == "thead_open":
                last += 1  # the line of dashes under the header
            if kind == "paragraph" and list_depth:
                kind = "list"
            blocks.append(LineBlock(kind, first, last))
    return blocks


def _heading(token: Token, first: int, last: int) -> LineBlock:
    """A heading; one inside a quotation or a list item is a paragraph, for nothing stands under it."""
    if token.level:
        return LineBlock("paragraph", first, last)
    return LineBlock("heading", first, last, int(token.tag[1]))
