"""A few dozen lines that write PDF files for the tests: text at a place, pictures, rotation, encryption."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

FONTS = {
    "F1": "/BaseFont /Helvetica /Encoding /WinAnsiEncoding",
    "F2": "/BaseFont /Helvetica-Bold /Encoding /WinAnsiEncoding",
    "F3": "/BaseFont /Helvetica /Encoding /MacRomanEncoding",  # which has the ligature fi, at 0xDE
}
_PICTURE = b"q 400 0 0 400 50 50 cm BI /W 1 /H 1 /BPC 8 /CS /G ID \x80 EI Q\n"


@dataclass(frozen=True)
class Text:
    """Characters whose baseline starts at (x, y), in PDF points from the page's bottom left corner."""

    x: float
    y: float
    text: str
    size: float = 10
    font: str = "F1"


@dataclass(frozen=True)
class Page:
    texts: Sequence[Text] = ()
    rotate: int = 0
    picture: bool = False
    drawing: bytes = b""  # operators of the content stream
    media_box: tuple[float, float, float, float] = (0, 0, 600, 800)
    crop_box: tuple[float, float, float, float] | None = None


def column(lines: Sequence[str], *, top: float = 700) -> list[Text]:
    """Lines of text one below the other; an empty line leaves a gap."""
    return [Text(60, top - number * 12, line) for number, line in enumerate(lines) if line]


def write_pdf(pages: Sequence[Page], *, title: str = "", encrypted: bool = False) -> bytes:
    """The bytes of a PDF file; an `encrypted` one wants a password that nobody knows."""
    fonts = " ".join(f"/{name} << /Type /Font /Subtype /Type1 {font} >>" for name, font in FONTS.items())
    bodies = [b"<< /Type /Catalog /Pages 2 0 R >>", b"", _string_dict(title)]
    kids = []
    for page in pages:
        number = len(bodies) + 1
        kids.append(f"{number} 0 R")
        crop = f"/CropBox [{_numbers(page.crop_box)}]" if page.crop_box else ""
        bodies.append(
            f"<< /Type /Page /Parent 2 0 R /MediaBox [{_numbers(page.media_box)}] {crop} /Rotate {page.rotate} "
            f"/Contents {number + 1} 0 R /Resources << /Font << {fonts} >> >> >>".encode()
        )
        content = b"".join(map(_show, page.texts)) + (_PICTURE if page.picture else b"") + page.drawing
        bodies.append(b"<< /Length %d >>\nstream\n%s\nendstream" % (len(content), content))
    bodies[1] = f"<< /Type /Pages /Kids [{' '.join(kids)}] /Count {len(kids)} >>".encode()
    if encrypted:
        bodies.append(b"<< /Filter /Standard /V 1 /R 2 /P -44 /O (%s) /U (%s) >>" % (b"o" * 32, b"u" * 32))
    return _file(bodies, f"/Encrypt {len(bodies)} 0 R /ID [(a) (a)]" if encrypted else "")


def _file(bodies: Sequence[bytes], trailer: str) -> bytes:
    out = bytearray(b"%PDF-1.4\n")
    offsets = []
    for number, body in enumerate(bodies, 1):
        offsets.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    start = len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n" % (len(bodies) + 1)
    out += b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    out += f"trailer << /Size {len(bodies) + 1} /Root 1 0 R /Info 3 0 R {trailer} >>\n".encode()
    return bytes(out + b"startxref\n%d\n%%%%EOF\n" % start)


def _show(text: Text) -> bytes:
    shown = text.text.encode("latin-1").replace(b"\\", rb"\\").replace(b"(", rb"\(").replace(b")", rb"\)")
    return b"BT /%s %g Tf %g %g Td (%s) Tj ET\n" % (text.font.encode(), text.size, text.x, text.y, shown)


def _string_dict(title: str) -> bytes:
    return b"<< /Title (%s) >>" % title.encode("latin-1") if title else b"<< >>"


def _numbers(values: Sequence[float]) -> str:
    return " ".join(f"{value:g}" for value in values)
