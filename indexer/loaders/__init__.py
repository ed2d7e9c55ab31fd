"""Loaders: the bytes of one file to its text, structure and anchors. One format a file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import PurePosixPath

from indexer.errors import UnsupportedFormat
from indexer.loaders import (
    docx,
    epub,
    html,
    latex,
    markdown,
    notebook,
    pdf,
    python_source,
    rst,
    source,
    subtitles,
    table,
    text,
)
from indexer.loaders.source_languages import LANGUAGES
from indexer.types import Extracted

_LOADERS: dict[str, Callable[[str, bytes], Extracted]] = {
    **dict.fromkeys(LANGUAGES, source.load),
    ".csv": table.load,
    ".docx": docx.load,
    ".epub": epub.load,
    ".htm": html.load,
    ".html": html.load,
    ".ipynb": notebook.load,
    ".markdown": markdown.load,
    ".md": markdown.load,
    ".pdf": pdf.load,
    ".py": python_source.load,
    ".rst": rst.load,
    ".text": text.load,
    ".srt": subtitles.load,
    ".tex": latex.load,
    ".tsv": table.load,
    ".txt": text.load,
    ".vtt": subtitles.load,
    ".xhtml": html.load,
}

SUFFIXES: frozenset[str] = frozenset(_LOADERS)
"""The file name endings that `load` reads, lower case, each with its dot."""


def load(name: str, data: bytes) -> Extracted:
    """The document in `data`, read as the suffix of `name` says.

    Raises UnsupportedFormat for another suffix, EmptyDocument for a file without text, LoadError for a damaged,
    encrypted or binary one; the message is one line for the user.
    """
    suffix = PurePosixPath(name.replace("\\", "/")).suffix.lower()
    if suffix not in _LOADERS:
        given = f"files ending in {suffix!r}" if suffix else "files without an ending"
        raise UnsupportedFormat(f"{given} are not supported; these are: {' '.join(sorted(SUFFIXES))}")
    return _LOADERS[suffix](name, data)
