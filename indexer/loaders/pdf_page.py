"""One PDF page through PDFium: its lines of text, character by character, with boxes as the page is shown."""

from __future__ import annotations

import ctypes
import math
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from itertools import groupby, islice, pairwise
from statistics import median

import pypdfium2 as pdfium
import pypdfium2.raw as pdfium_c

from indexer.boxes import Boxes
from indexer.types import Box

_BOX_DECIMALS = 2
_HYPHENATED = "\x02\ufffe"  # how PDFium reports a hyphen at a line end; no line break follows it
_LIGATURES = {
    "ﬀ": "ff",
    "ﬁ": "fi",
    "ﬂ": "fl",
    "ﬃ": "ffi",
    "ﬄ": "ffl",
    "ﬅ": "st",
    "ﬆ": "st",
}
_BULLETS = {"\uf0b7": "•", "\uf0a7": "•"}  # of symbol fonts, in the private use area
_DROPPED = frozenset(("Cc", "Cn", "Cs"))  # control, unassigned, surrogate
_INVISIBLE = frozenset("\xad\u200b\ufeff")  # soft hyphen, zero-width blanks
_BOLD = ("bold", "black", "heavy", "semibold", "demi", "medi", "cmbx", "sfbx")  # in font names
_FORM_DEPTH = 5
_MAX_THINGS = 5000  # of a page that are looked at
_UPRIGHT = 0.99  # cosine of the angle, about 8 degrees, up to which a line runs from left to right

Place = Callable[[float, float, float, float], Box]


@dataclass
class Line:
    """A line of text: `text` and `boxes` go together, one box a character. `hyphen`: it ends inside a word, whose
    hyphen is not in `text`. `turned`: it does not run from left to right. `height` is the line's size of type in
    points, by its fonts' ascents and descents. What is derived is worked out once, when the line is complete."""

    chars: list[str] = field(default_factory=list)
    boxes: Boxes = field(default_factory=Boxes)
    indices: list[int] = field(default_factory=list)  # PDFium's, of the characters
    hyphen: bool = False
    bold: bool = False
    turned: bool = False

    @cached_property
    def text(self) -> str:
        return "".join(self.chars)

    @cached_property
    def height(self) -> float:
        shown = [(box[3] - box[1], char) for box, char in zip(self.boxes, self.chars, strict=True) if box[3] > box[1]]
        letters = [height for height, char in shown if char.isalnum()]
        return median(letters or [height for height, _ in shown] or [0.0])

    @cached_property
    def left(self) -> float:
        return min((b[0] for b in self.boxes if b[2] > b[0]), default=0.0)

    @cached_property
    def right(self) -> float:
        return max((b[2] for b in self.boxes if b[2] > b[0]), default=0.0)

    @cached_property
    def bottom(self) -> float:
        return median([b[3] for b in self.boxes if b[3] > b[1]] or [0.0])


def read_lines(page: pdfium.PdfPage) -> tuple[Line, ...]:
    """The lines of a page in the order of its content; blanks at their ends are dropped, and blank lines."""
    text_page = page.get_textpage()
    try:
        place = _placing(page)
        lines = [Line()]
        for index in range(text_page.count_chars()):
            char = _character(text_page, index, lines[-1])
            if char in "\r\n" or char in _HYPHENATED:
                lines[-1].hyphen = char in _HYPHENATED
                lines.append(Line())
            else:
                _append(lines[-1], char, index, _char_box(text_page, index, place))
        kept = [line for line in map(_stripped, lines) if line.chars]
        for line in kept:
            line.bold = _is_bold(text_page, line)
            line.turned = _is_turned(text_page, line, page.get_rotation())
            line.indices = []  # PDFium's, of a page that is closed now
        return tuple(kept)
    finally:
        text_page.close()


@dataclass(frozen=True, slots=True)
class Drawn:
    """What a page shows besides characters: the share of it that images cover, at most 1; the length and the size in
    pixels of each image's data, by which a background is known again; and how many other things are drawn."""

    image_share: float
    images: tuple[tuple[int, int, int], ...]
    n_others: int


def read_drawn(page: pdfium.PdfPage) -> Drawn:
    """What is drawn on the page, up to a depth of nested forms; of very many things the first."""
    share, n_others = 0.0, 0
    images: list[tuple[int, int, int]] = []
    for thing in islice(page.get_objects(max_depth=_FORM_DEPTH), _MAX_THINGS):
        if isinstance(thing, pdfium.PdfImage):
            share += _share(thing, page)
            n_bytes = pdfium_c.FPDFImageObj_GetImageDataRaw(thing, None, 0)
            images.append((n_bytes, *thing.get_px_size()))
        elif thing.type != pdfium_c.FPDF_PAGEOBJ_FORM:
            n_others += 1
    return Drawn(min(share, 1.0), tuple(images), n_others)


def _share(thing: pdfium.PdfObject, page: pdfium.PdfPage) -> float:
    """The part of the page that a thing, or the form that it stands in, covers."""
    while thing.container is not None:
        thing = thing.container
    x0, y0, x1, y1 = page.get_bbox()
    left, bottom, right, top = thing.get_bounds()
    width, height = min(right, x1) - max(left, x0), min(top, y1) - max(bottom, y0)
    whole = (x1 - x0) * (y1 - y0)
    if not all(map(math.isfinite, (width, height, whole))) or min(width, height, whole) <= 0:
        return 0.0
    return width * height / whole


def _character(text_page: pdfium.PdfTextPage, index: int, line: Line) -> str:
    """The character at an index; the second half of a surrogate pair takes back the first one, kept in the line."""
    code = pdfium_c.FPDFText_GetUnicode(text_page, index)
    if 0xDC00 <= code < 0xE000 and line.chars and 0xD800 <= ord(line.chars[-1]) < 0xDC00:
        first = ord(line.chars.pop())
        line.boxes.pop()
        line.indices.pop()
        return chr(0x10000 + ((first - 0xD800) << 10) + (code - 0xDC00))
    return chr(code) if code <= 0x10FFFF else "\ufffd"


def _append(line: Line, char: str, index: int, box: Box) -> None:
    """Adds a character to the line: ligatures spelled out, blanks of all kinds as one space, invisible ones left out."""
    char = _BULLETS.get(char, char)
    category = unicodedata.category(char)
    if category == "Zs" or char == "\t":
        char = " "
    elif char in _INVISIBLE or (category in _DROPPED and not 0xD800 <= ord(char) < 0xDC00):
        return
    if char == " " and (not line.chars or line.chars[-1] == " "):
        return
    for letter in _LIGATURES.get(char, char):
        line.chars.append(letter)
        line.boxes.append(box)
        line.indices.append(index)


def _stripped(line: Line) -> Line:
    """The line without a blank at its end and halves of surrogate pairs, the letters of each ligature side by side."""
    if line.chars and line.chars[-1] == " ":
        del line.chars[-1], line.indices[-1]
        line.boxes.pop()
    line.boxes = _side_by_side(line.boxes)
    line.chars = ["\ufffd" if 0xD800 <= ord(char) < 0xE000 else char for char in line.chars]
    return line


def _side_by_side(boxes: Boxes) -> Boxes:
    """The boxes, those of characters at the very same place (PDFium spells out ligatures, too) divided among them."""
    runs = [(box, sum(1 for _ in run)) for box, run in groupby(boxes)]
    if len(runs) == len(boxes):
        return boxes
    divided: list[Box] = []
    for (left, top, right, bottom), number in runs:
        edges = [round(left + (right - left) * part / number, _BOX_DECIMALS) for part in range(number)] + [right]
        divided += [(a, top, b, bottom) for a, b in pairwise(edges)]
    return Boxes(divided)


def _char_box(text_page: pdfium.PdfTextPage, index: int, place: Place) -> Box:
    """The box of a character, as high as its font; (0, 0, 0, 0) for one that PDFium made up (blanks, mostly)."""
    rect = pdfium_c.FS_RECTF()
    if pdfium_c.FPDFText_IsGenerated(text_page, index) == 1:
        return (0.0, 0.0, 0.0, 0.0)
    if not pdfium_c.FPDFText_GetLooseCharBox(text_page, index, rect):
        return (0.0, 0.0, 0.0, 0.0)
    return place(rect.left, rect.bottom, rect.right, rect.top)


def _placing(page: pdfium.PdfPage) -> Place:
    """From a rectangle of PDF coordinates to a box on the page as shown: cropped, rotated, from the top left."""
    x0, y0, x1, y1 = page.get_bbox()
    rotation = page.get_rotation()

    def place(left: float, bottom: float, right: float, top: float) -> Box:
        match rotation:
            case 90:
                turned = (bottom - y0, left - x0, top - y0, right - x0)
            case 180:
                turned = (x1 - right, bottom - y0, x1 - left, top - y0)
            case 270:
                turned = (y1 - top, x1 - right, y1 - bottom, x1 - left)
            case _:
                turned = (left - x0, y1 - top, right - x0, y1 - bottom)
        width, height = (y1 - y0, x1 - x0) if rotation in (90, 270) else (x1 - x0, y1 - y0)
        limits = (width, height, width, height)
        if not all(map(math.isfinite, turned)):
            return (0.0, 0.0, 0.0, 0.0)
        a, b, c, d = (round(min(max(v, 0.0), limit), _BOX_DECIMALS) for v, limit in zip(turned, limits, strict=True))
        return (a, b, c, d)

    return place


def _is_turned(text_page: pdfium.PdfTextPage, line: Line, rotation: int) -> bool:
    """Whether the line's first and last character stand askew on the page as it is shown."""
    shown = math.radians(rotation)
    angles = [pdfium_c.FPDFText_GetCharAngle(text_page, line.indices[at]) for at in (0, -1)]
    return any(angle >= 0 and math.cos(angle - shown) < _UPRIGHT for angle in angles)


def _is_bold(text_page: pdfium.PdfTextPage, line: Line) -> bool:
    """Whether first, middle and last letter of the line are set in bold, by weight or name of their fonts."""
    letters = [index for index, char in zip(line.indices, line.chars, strict=True) if char.isalnum()]
    if not letters:
        return False
    return all(_is_bold_at(text_page, letters[at]) for at in (0, len(letters) // 2, -1))


def _is_bold_at(text_page: pdfium.PdfTextPage, index: int) -> bool:
    if pdfium_c.FPDFText_GetFontWeight(text_page, index) >= 600:
        return True
    buffer = ctypes.create_string_buffer(128)
    size = pdfium_c.FPDFText_GetFontInfo(text_page, index, buffer, len(buffer), None)
    name = buffer.raw[: min(size, len(buffer))].decode("latin-1").lower()
    return any(mark in name for mark in _BOLD)
