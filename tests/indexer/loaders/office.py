"""A few lines that write Word documents and EPUB books for the tests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tests.indexer.loaders.zip_writer import Entry, write_zip

_W = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
_M = "http://schemas.openxmlformats.org/officeDocument/2006/math"
_MC = "http://schemas.openxmlformats.org/markup-compatibility/2006"
_STYLES = """<w:style w:styleId="Heading1"><w:name w:val="heading 1"/></w:style>
<w:style w:styleId="Title"><w:name w:val="Title"/></w:style>
<w:style w:styleId="Mine"><w:name w:val="mine"/><w:basedOn w:val="Heading1"/></w:style>
<w:style w:styleId="Deep"><w:name w:val="deep"/><w:pPr><w:outlineLvl w:val="2"/></w:pPr></w:style>"""


def part(root: str, inside: str) -> bytes:
    """A part of a Word document."""
    names = f'xmlns:w="{_W}" xmlns:m="{_M}" xmlns:mc="{_MC}"'
    return f'<?xml version="1.0" encoding="UTF-8"?><w:{root} {names}>{inside}</w:{root}>'.encode()


def paragraph(words: str, style: str = "", more: str = "") -> str:
    """A paragraph of one run of words; `more` is what follows the run."""
    properties = f'<w:pPr><w:pStyle w:val="{style}"/></w:pPr>' if style else ""
    return f'<w:p>{properties}<w:r><w:t xml:space="preserve">{words}</w:t></w:r>{more}</w:p>'


def write_docx(body: str, parts: Mapping[str, bytes] | None = None) -> bytes:
    """The bytes of a Word document with that body."""
    files = {
        "word/document.xml": part("document", f"<w:body>{body}</w:body>"),
        "word/styles.xml": part("styles", _STYLES),
    }
    return write_zip([Entry(name, data) for name, data in {**files, **(parts or {})}.items()])


def write_epub(chapters: Sequence[str], title: str = "", parts: Mapping[str, bytes] | None = None) -> bytes:
    """The bytes of a book whose chapters are whole pages."""
    items = "".join(
        f'<item id="c{n}" href="text/{n}.xhtml" media-type="application/xhtml+xml"/>' for n in range(len(chapters))
    )
    spine = "".join(f'<itemref idref="c{n}"/>' for n in range(len(chapters)))
    package = f"""<?xml version="1.0"?><package xmlns="http://www.idpf.org/2007/opf">
<metadata xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:title>{title}</dc:title></metadata>
<manifest>{items}</manifest><spine>{spine}</spine></package>"""
    container = '<container xmlns="urn:oasis:names:tc:opendocument:xmlns:container"><rootfiles>' \
                '<rootfile full-path="OEBPS/book.opf"/></rootfiles></container>'  # fmt: skip
    files = {
        "mimetype": b"application/epub+zip",
        "META-INF/container.xml": container.encode(),
        "OEBPS/book.opf": package.encode(),
        **{f"OEBPS/text/{n}.xhtml": chapter.encode() for n, chapter in enumerate(chapters)},
    }
    return write_zip([Entry(name, data) for name, data in {**files, **(parts or {})}.items()])
