"""Bombs in PDF: loops of pages, tables and forms, streams that inflate, counts that lie, depth."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial

from tests.indexer.loaders.pdf_writer import Page, column, write_pdf
from tests.indexer.loaders.zip_writer import deflated

_MIB = 1 << 20
_CATALOG = b"<< /Type /Catalog /Pages 2 0 R >>"
_PAGES = b"<< /Type /Pages /Count 1 /Kids [3 0 R] >>"
_PAGE = b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 9 9] /Contents 4 0 R %s >>"

Bomb = Callable[[], tuple[str, bytes]]


def _pdf(bodies: Sequence[bytes], trailer: bytes = b"", start: int | None = None) -> tuple[str, bytes]:
    out, offsets = bytearray(b"%PDF-1.7\n"), []
    for number, body in enumerate(bodies, 1):
        offsets.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    table = b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    end = b"xref\n0 %d\n0000000000 65535 f \n%strailer << /Size %d /Root 1 0 R %s >>\nstartxref\n%d\n%%%%EOF\n"
    at = len(out) if start is None else start
    return "x.pdf", bytes(out) + end % (len(offsets) + 1, table, len(offsets) + 1, trailer, at)


def _stream(body: bytes, dictionary: bytes = b"") -> bytes:
    return b"<< /Length %d %s >>\nstream\n%s\nendstream" % (len(body), dictionary, body)


def _ring(n: int) -> tuple[str, bytes]:
    nodes = [b"<< /Type /Pages /Count 9 /Kids [%d 0 R] >>" % (2 + (i + 1) % n) for i in range(n)]
    return _pdf([_CATALOG, *nodes])


def _deep_tree(n: int) -> tuple[str, bytes]:
    nodes = [b"<< /Type /Pages /Count 1 /Kids [%d 0 R] >>" % (3 + i) for i in range(n)]
    return _pdf([_CATALOG, *nodes, b"<< /Type /Page /MediaBox [0 0 9 9] >>"])


def _counted(n: int) -> tuple[str, bytes]:
    return _pdf([_CATALOG, b"<< /Type /Pages /Count %d /Kids [3 0 R] >>" % n, _PAGE % b"", _stream(b"")])


def _drawn(content: bytes, resources: bytes = b"", more: Sequence[bytes] = ()) -> tuple[str, bytes]:
    return _pdf([_CATALOG, _PAGES, _PAGE % resources, _stream(content), *more])


def _inflating(n_mib: int, layers: int) -> tuple[str, bytes]:
    body = b"\x78\x9c" + deflated(b" " * _MIB, n_mib)
    for _ in range(layers - 1):
        body = b"\x78\x9c" + deflated(body, 1)
    filters = b"/Filter [%s]" % (b"/FlateDecode " * layers)
    return _pdf([_CATALOG, _PAGES, _PAGE % b"", _stream(body, filters)])


def _forms(n: int) -> tuple[str, bytes]:
    """Forms that draw each other twice, the last one the first: 2^n drawings, without end."""
    forms = [
        _stream(b"/X Do /X Do", b"/Type /XObject /Subtype /Form /BBox [0 0 9 9] /Resources << /XObject << /X %d 0 R >> >>"
                % (5 + (i + 1) % n)) for i in range(n)
    ]  # fmt: skip
    return _drawn(b"/X Do", b"/Resources << /XObject << /X 5 0 R >> >>", forms)


def _previous(trailer: bytes, start: int | None = None) -> tuple[str, bytes]:
    return _pdf([_CATALOG, b"<< /Type /Pages /Count 0 /Kids [] >>"], trailer, start)


def _cut(share: float) -> tuple[str, bytes]:
    data = write_pdf([Page(column(["words"] * 20))] * 5)
    return "x.pdf", data[: int(len(data) * share)]


def _bombs() -> Iterator[tuple[str, Bomb]]:
    for n in (1, 2, 5, 100):
        yield f"page-tree-ring-{n}", partial(_ring, n)
    for n in (100, 5000):
        yield f"page-tree-depth-{n}", partial(_deep_tree, n)
    for n in (10_000, 1_000_000, 2**31 - 1, -1):
        yield f"page-count-{n}", partial(_counted, n)
    for n_mib in (16, 64):
        yield f"inflates-to-{n_mib}-mib", partial(_inflating, n_mib, 1)
    for layers in (2, 3, 50):
        yield f"inflates-in-{layers}-layers", partial(_inflating, 16, layers)
    for n in (1, 2, 20):
        yield f"forms-in-a-ring-{n}", partial(_forms, n)
    yield "table-before-itself", partial(_previous, b"/Prev 9")
    yield "table-at-its-own-end", partial(_previous, b"", 10**9)
    yield "arrays-in-arrays", partial(_drawn, b"", b"/A " + b"[" * 100_000)
    yield "dictionaries-in-dictionaries", partial(_drawn, b"", b"/A " + b"<< /A " * 100_000)
    yield "states-saved", partial(_drawn, b"q " * 1_000_000)
    yield "encrypted", lambda: ("x.pdf", write_pdf([Page(column(["words"]))], encrypted=True))
    yield "no-header", lambda: ("x.pdf", b" " * 2000 + write_pdf([Page()]))
    for share in (0.1, 0.5, 0.9):
        yield f"cut-off-at-{share}", partial(_cut, share)


def _heavy() -> Iterator[tuple[str, Bomb]]:
    yield "pdf-one-page-500-times", partial(_same_page, 500)
    yield "pdf-letters-on-one-spot", partial(_letters, 30_000)


def _same_page(n: int) -> tuple[str, bytes]:
    kids = b"<< /Type /Pages /Count %d /Kids [%s] >>" % (n, b"3 0 R " * n)
    font = b"/Resources << /Font << /F << /Type /Font /Subtype /Type1 /BaseFont /Helvetica >> >> >>"
    return _pdf([_CATALOG, kids, _PAGE % font, _stream(b"BT /F 1 Tf (words) Tj ET")])


def _letters(n: int) -> tuple[str, bytes]:
    font = b"/Resources << /Font << /F << /Type /Font /Subtype /Type1 /BaseFont /Helvetica >> >> >>"
    return _drawn(b"BT /F 1 Tf " + b"1 0 0 1 4 4 Tm (w) Tj " * n + b"ET", font)


BOMBS = {f"pdf-{name}": bomb for name, bomb in _bombs()}
HEAVY = dict(_heavy())
WALLED = frozenset(name for name in BOMBS if name.startswith("pdf-forms-in-a-ring"))
