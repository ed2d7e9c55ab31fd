"""PDF through PDFium: the text of each page in reading order, one box a character, paragraphs and headings."""

from __future__ import annotations

import re
import threading
from collections import Counter
from collections.abc import Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import zip_longest

import pypdfium2 as pdfium
import pypdfium2.raw as pdfium_c

from indexer.boxes import Boxes
from indexer.errors import EmptyDocument, LoadError
from indexer.loaders.decode import title_of, without_surrogates
from indexer.loaders.missing import counted, numbered
from indexer.loaders.pdf_layout import Paragraph, arrange
from indexer.loaders.pdf_page import Drawn, Line, read_drawn, read_lines
from indexer.types import Anchor, Block, Extracted

_STAMP_LINES = 2  # that a scanned page may bear: a running head, a library's stamp
_PICTURE = 0.02  # of a page without text that images cover: more than a mark
_MOSTLY_PICTURE = 0.5  # of a page with a stamp that a scan covers
_DRAWING = 50  # things drawn on a page without text: letters as outlines, or of a font without names for them
_BACKGROUND = 3  # pages with the same image
_NAMELESS = re.compile("[\ufffd\ue000-\uf8ff]")  # what stands for a letter whose font does not say which it is
_MOSTLY_NAMELESS = 0.5
_MIN_NAMELESS = 20
_HEADER_WITHIN = 1024  # bytes; where readers look for "%PDF-"
_NOT_TITLES = (".dvi", ".tex", ".doc", ".docx", ".indd", ".pdf", ".qxd")

_SCANNED = "the PDF holds images of pages and no text: run text recognition (OCR) on it first"

_one_at_a_time = threading.Lock()  # PDFium is not thread-safe, not even for different documents


@dataclass(frozen=True, slots=True)
class _Read:
    """What PDFium says of a file besides its lines: their number on each page, the pages (from 1) whose letters have no
    names, the title in its metadata, what is drawn on the pages that have hardly a line (by index), and the number of files
    attached to it."""

    n_lines: tuple[int, ...]
    nameless: tuple[int, ...]
    title: str
    drawn: dict[int, Drawn]
    n_attached: int

    @classmethod
    def of(cls, pages: Sequence[Sequence[Line]], title: str, drawn: dict[int, Drawn], n_attached: int) -> _Read:
        nameless = tuple(number for number, lines in enumerate(pages, 1) if _is_nameless(lines))
        return cls(tuple(map(len, pages)), nameless, title, drawn, n_attached)


def load(name: str, data: bytes) -> Extracted:
    """The text of a PDF file; boxes are in points from the top left corner of the page as it is shown.

    Words hyphenated at a line end are joined, ligatures spelled out, lines joined to paragraphs. Raises EmptyDocument
    for a file of pictures only, LoadError for one that is encrypted, damaged or truncated.
    """
    if not data:
        raise EmptyDocument("the file is empty")
    if b"%PDF-" not in data[:_HEADER_WITHIN]:
        raise LoadError("the file is not a PDF: it does not begin with %PDF-")
    if _is_cut_off(data):
        raise LoadError(f"the PDF is truncated: its end is missing after {len(data):,} bytes")
    with _one_at_a_time:
        pages, read = _read(data)
    text, anchors, blocks = _assemble(arrange(pages))
    if not anchors:
        raise EmptyDocument(_SCANNED if _pictures(read) else "the PDF has no text")
    first_page = blocks[: sum(block.start < anchors[0].end for block in blocks)] if anchors[0].page == 1 else ()
    title = _plausible(read.title) or _largest_heading(text, first_page) or title_of(name)
    return Extracted(text, title, "application/pdf", anchors, blocks, _notices(read))


def _is_cut_off(data: bytes) -> bool:
    """Whether objects stand after the last end mark, or there is none (ISO 32000-1, 7.5.5).

    PDFium repairs such a file and shows the pages it still has; the rest would be lost without a word.
    """
    return data.rfind(b"%%EOF") < data.rfind(b"endobj")


def _read(data: bytes) -> tuple[list[Sequence[Line]], _Read]:
    """The lines of each page, and the rest."""
    try:
        document = pdfium.PdfDocument(data)
    except pdfium.PdfiumError as error:
        raise LoadError(_reason(error)) from error
    pages: list[Sequence[Line]] = []
    drawn: dict[int, Drawn] = {}
    with closing(document):
        title = document.get_metadata_value("Title")
        for index in range(len(document)):
            try:
                with closing(document[index]) as page:
                    pages.append(read_lines(page))
                    if len(pages[-1]) <= _STAMP_LINES:
                        drawn[index] = read_drawn(page)
            except pdfium.PdfiumError as error:
                number = f"page {index + 1} of {len(document)}"
                raise LoadError(f"the PDF is damaged or truncated: {number} cannot be read") from error
        n_attached = document.count_attachments()
    return pages, _Read.of(pages, title, drawn, n_attached)


def _notices(read: _Read) -> tuple[str, ...]:
    """What of the file is not in its text."""
    told = []
    pictures = _pictures(read)
    if pictures:
        are = "is an image" if len(pictures) == 1 else "are images"
        told.append(f"{numbered('page', pictures)} {are} without text: run text recognition (OCR) on the file first")
    if read.nameless:
        told.append(f"the fonts of {numbered('page', read.nameless)} do not say which letters they show: run text "
                    "recognition (OCR) on the file first")  # fmt: skip
    if read.n_attached:
        told.append(f"{counted(read.n_attached, 'attached file')} not read: save what is attached beside the PDF")
    return tuple(told)


def _pictures(read: _Read) -> list[int]:
    """The numbers of the pages whose content is a picture: no text, or a stamp on a scan that is no background."""
    often = Counter(image for drawn in read.drawn.values() for image in set(drawn.images))
    numbers = []
    for index, drawn in read.drawn.items():
        if not read.n_lines[index]:
            is_picture = drawn.image_share >= _PICTURE or drawn.n_others >= _DRAWING
        else:
            is_background = any(often[image] >= _BACKGROUND for image in drawn.images)
            is_picture = drawn.image_share >= _MOSTLY_PICTURE and not is_background
        if is_picture:
            numbers.append(index + 1)
    return numbers


def _is_nameless(lines: Sequence[Line]) -> bool:
    text = "".join(line.text for line in lines)
    n_nameless = len(_NAMELESS.findall(text))
    return n_nameless >= _MIN_NAMELESS and n_nameless >= _MOSTLY_NAMELESS * len(text)


def _reason(error: pdfium.PdfiumError) -> str:
    if error.err_code == pdfium_c.FPDF_ERR_PASSWORD:
        return "the PDF is encrypted: save a copy without its password"
    if error.err_code == pdfium_c.FPDF_ERR_SECURITY:
        return "the PDF is encrypted in a way that cannot be read: save a copy without protection"
    return "the PDF is damaged or truncated: it cannot be opened"


def _assemble(pages: Iterable[list[Paragraph]]) -> tuple[str, tuple[Anchor, ...], tuple[Block, ...]]:
    """The text of all pages, an anchor for each page with text, a block for each paragraph."""
    parts: list[str] = []
    anchors: list[Anchor] = []
    blocks: list[Block] = []
    n_chars = 0
    for number, paragraphs in enumerate(pages, 1):
        start, boxes = n_chars, Boxes()
        for paragraph, following in zip_longest(paragraphs, paragraphs[1:]):
            end = n_chars + len(paragraph.text)
            blocks.append(Block(paragraph.kind, n_chars, end, paragraph.level))
            in_table = following is not None and following.kind == paragraph.kind == "table_row"
            separator = "\n" if in_table else "\n\n"
            parts += [paragraph.text, separator]
            boxes.extend(paragraph.boxes)
            boxes.extend_blank(len(separator))
            n_chars = end + len(separator)
        if paragraphs:
            anchors.append(Anchor(start, n_chars, page=number, boxes=boxes))
    return "".join(parts), tuple(anchors), tuple(blocks)


def _plausible(title: str) -> str:
    """The metadata's title, or "" where a program left a file name or its own name there."""
    words = " ".join(without_surrogates(title).replace("\0", " ").split())
    is_name = words.lower().endswith(_NOT_TITLES) or words.lower().startswith(("untitled", "microsoft word"))
    return "" if is_name or len(words) < 4 else words


def _largest_heading(text: str, blocks: Sequence[Block]) -> str:
    """The first heading of the highest level, that of titles; "" for none."""
    return next((text[b.start : b.end] for b in blocks if b.kind == "heading" and b.level == 1), "")
