"""The encoding of a LaTeX file: UTF-8, or the one that it names."""

from __future__ import annotations

import re

from indexer.errors import LoadError
from indexer.loaders.decode import decode

_SEARCHED_BYTES = 65_536  # where a preamble names it
_NAMED = re.compile(
    rb"^[^%\n]*?\\(?:usepackage|RequirePackage)\s*\[(?P<package>[^\]\n]{1,60})\]\s*\{\s*inputenc\s*\}"
    rb"|^[^%\n]*?\\inputencoding\s*\{(?P<command>[^}\n]{1,40})\}"
    rb"|^%\s*!\s*TeX\s+encoding\s*=\s*(?P<editor>[\w.-]{1,40})",  # the comment that editors go by
    re.MULTILINE | re.IGNORECASE,
)
_COMMENT = re.compile(rb"(?<!\\)((?:\\\\)*%)[^\n]*")
_NAMES = {  # of inputenc's options, those that Python knows by another name or not at all
    "latin5": "iso8859-9",
    "latin9": "iso8859-15",
    "latin10": "iso8859-16",
    "ansinew": "cp1252",
    "applemac": "mac-roman",
    "macce": "mac-latin2",
    "utf8x": "utf-8",
}


def decode_latex(data: bytes) -> str:
    """As `decode`. What is UTF-8 is read as that: text in another encoding hardly ever happens to be. Else the encoding that
    the file names is taken; of one that names none, the comments, which are no text, may be in any."""
    try:
        return decode(data)
    except LoadError as error:
        if not isinstance(error.__cause__, UnicodeDecodeError):  # it is empty, or no text at all
            raise
        named = _NAMED.search(data[:_SEARCHED_BYTES])
        if named is None:
            return decode(_COMMENT.sub(rb"\1", data))
    name = next(group for group in named.groups() if group).decode("ascii", "replace")
    name = name.split(",")[-1].strip().lower()  # of several options the last one is in force
    return decode(data, _NAMES.get(name, name))
