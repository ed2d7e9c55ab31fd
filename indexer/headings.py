"""The words of a heading, freed of the marks that make it one in its format. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable

_MAX_CHARS = 120
_NOT_WORDS = re.compile(r"^[^\w\s]{3,}$|^# %%.*$")  # underlines and overlines; cell marks of notebooks as scripts
_COMMENT = re.compile(r"^(?://|/\*|\*|--|#|%|\{-|=begin|=end|@|\[\[)")  # lines above a signature in source code
_BLOCK_COMMENT = re.compile(r"/\*.*?\*/\s*", re.DOTALL)
_SIGNATURE = re.compile(r"^[ \t]*(?=(?:async[ \t]+def|def|class)[ \t])", re.MULTILINE)
_ENDS = re.compile(r"^(?:#{1,6}\s+)+|\s+#+$|\s*\{[#.:][^}]*\}$|:$|\s*\{$")
_LINK = re.compile(r"!?\[([^\[\]]*)\](?:\([^()]*\)|\{[^{}]*\})")
_EMPHASIS = re.compile(r"(\*{1,3}|`+)(?=\S)(.+?)(?<=\S)\1")


_WORD = re.compile(r"\w+")
_FRAME = re.compile(r":\w+:`[^`\n]*`|<[^<>\n]+>|&#?\w+;")  # labels, tags, entities: nothing that a reader sees


def is_heading_alone(text: str, headings: Iterable[str]) -> bool:
    """Whether a passage under these headings has no word of its own: it can be found by theirs and tells nothing."""
    known = {word for heading in headings for word in _WORD.findall(heading.casefold())}
    return known.issuperset(_WORD.findall(_FRAME.sub(" ", text).casefold()))


def heading_words(heading: str) -> str:
    """The heading on one line, at most 120 characters: no "#", rules, emphasis, link targets, end colon.

    Of a signature in source code, nothing above it (decorators, comments).
    """
    heading = heading[: 20 * _MAX_CHARS]
    signature = _SIGNATURE.search(heading)
    if not signature and heading.lstrip().startswith("/*"):
        heading = _BLOCK_COMMENT.sub("", heading) or heading
    lines = [line.strip() for line in heading[signature.end() if signature else 0 :].strip().split("\n")]
    lines = [line for line in lines if not _NOT_WORDS.match(line)]
    words = " ".join([line for line in lines if len(lines) > 1 and not _COMMENT.match(line)] or lines)
    words = _ENDS.sub("", words.strip()).strip()
    words = _EMPHASIS.sub(r"\2", _LINK.sub(r"\1", words))
    return " ".join(words.split())[:_MAX_CHARS].strip()
