"""Bytes of a text file to characters, strictly: what cannot be read is refused by name, never guessed."""

from __future__ import annotations

import codecs
import re
from pathlib import PurePosixPath

from indexer.errors import EmptyDocument, LoadError

# Longest first: the UTF-32 mark begins with the UTF-16 one.
_BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_CONTROLS = re.compile(r"[\x00-\x08\x0e-\x1a\x7f]")
_MAX_CONTROL_SHARE = 0.05  # above it the bytes are some other format that happens to decode
_SURROGATES = re.compile(r"[\ud800-\udfff]")


def decode(data: bytes, encoding: str = "utf-8") -> str:
    """The text of `data` with its line ends as "\\n"; a byte order mark outranks `encoding`.

    Raises EmptyDocument for nothing but blanks, LoadError for bytes that are not text of that encoding.
    """
    if not data.strip():
        raise EmptyDocument("the file is empty")
    for mark, marked_encoding in _BYTE_ORDER_MARKS:
        if data.startswith(mark):
            data, encoding = data[len(mark) :], marked_encoding
            break
    text = _decode_strictly(data, encoding)
    controls = len(_CONTROLS.findall(text))
    if "\0" in text or controls > _MAX_CONTROL_SHARE * len(text):
        raise LoadError("the file holds binary data, not text")
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    if not text.strip():
        raise EmptyDocument("the file is empty")
    return text


def _decode_strictly(data: bytes, encoding: str) -> str:
    """`data` decoded whole; raises LoadError that says where it stops being text and what to do."""
    if data.startswith(b"%PDF-"):
        raise LoadError("the file holds a PDF: rename it to end in .pdf")
    try:
        return without_surrogates(data.decode(encoding))  # unlike codecs.decode, it knows encodings of text only
    except LookupError as error:
        raise LoadError(f"the file names an unknown encoding, {encoding!r}: save it as UTF-8") from error
    except UnicodeDecodeError as error:
        byte = f"byte 0x{data[error.start]:02x} at offset {error.start}"
        name = encoding.upper()
        raise LoadError(f"the file is not {name} text ({byte}): save it as UTF-8") from error
    except UnicodeError as error:  # idna and its like
        raise LoadError(f"the file is not {encoding.upper()} text ({error}): save it as UTF-8") from error


def without_surrogates(text: str) -> str:
    """`text` with each lone surrogate, which no UTF-8 file can hold, replaced by U+FFFD; same length."""
    return _SURROGATES.sub("\ufffd", text)


def title_of(name: str) -> str:
    """The title of a file that gives itself none: its name without folder and suffix."""
    return PurePosixPath(name.replace("\\", "/")).stem or name
