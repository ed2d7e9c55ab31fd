"""Bombs in zip archives, as Word documents and as books: sizes, names, overlaps, entities, nesting."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial

from tests.indexer.loaders.office import write_docx, write_epub
from tests.indexer.loaders.zip_writer import STORED, Entry, deflated, write_zip

_MIB = 1 << 20
_CONTAINER = (
    b'<container xmlns="urn:oasis:names:tc:opendocument:xmlns:container"><rootfiles>'
    b'<rootfile full-path="book.opf"/></rootfiles></container>'
)
_MAIN = {"docx": "word/document.xml", "epub": "book.opf"}


def _archive(suffix: str, entries: Sequence[Entry], says_entries: int | None = None) -> tuple[str, bytes]:
    """An archive that gets as far as its first entry."""
    container = [Entry("META-INF/container.xml", _CONTAINER)] if suffix == "epub" else []
    n = None if says_entries is None else says_entries + len(container)
    return f"x.{suffix}", write_zip([*entries, *container], says_entries=n)


def _main(suffix: str, body: bytes) -> tuple[str, bytes]:
    return _archive(suffix, [Entry(_MAIN[suffix], body)])


def _blank(name: str, n_mib: int) -> Entry:
    """An entry of so many MiB of blanks, with a wrong checksum: who gets that far has read too much."""
    return Entry(name, packed=deflated(b" " * _MIB, n_mib), says_size=n_mib * _MIB)


def _zeros(suffix: str, n_mib: int) -> tuple[str, bytes]:
    return _archive(suffix, [_blank(_MAIN[suffix], n_mib)])


def _lying(suffix: str, n_mib: int, says_size: int) -> tuple[str, bytes]:
    return _archive(suffix, [replace(_blank(_MAIN[suffix], n_mib), says_size=says_size)])


def _named(suffix: str, name: str) -> tuple[str, bytes]:
    return _archive(suffix, [Entry(_MAIN[suffix], b"<a/>"), Entry(name, b"words")])


def _overlapping(suffix: str, n: int) -> tuple[str, bytes]:
    kernel = _blank(_MAIN[suffix], 1)
    return _archive(suffix, [kernel, *(replace(kernel, name=f"{i}.xml", at=0) for i in range(n))])


def _reaching(suffix: str, n_bytes: int) -> tuple[str, bytes]:
    """An entry whose stated size takes in its neighbours, as in the bomb of overlapping files that are quoted."""
    inner = [Entry(f"{i}.xml", b"<a/>") for i in range(50)]
    return _archive(suffix, [Entry(_MAIN[suffix], b"<a/>", says_packed=n_bytes), *inner])


def _crowded(suffix: str, n: int) -> tuple[str, bytes]:
    return _archive(suffix, [Entry(_MAIN[suffix], b"<a/>"), *(Entry(f"{i}", method=STORED) for i in range(n))])


def _entry(suffix: str, entry: Entry, times: int = 1) -> tuple[str, bytes]:
    return _archive(suffix, [replace(entry, name=_MAIN[suffix])] * times)


def _cut(suffix: str, share: float) -> tuple[str, bytes]:
    name, data = _main(suffix, b"<a>" + b"words " * 1000 + b"</a>")
    return name, data[: int(len(data) * share)]


def _patched(suffix: str, at: int, value: bytes) -> tuple[str, bytes]:
    """An archive whose end record holds `value` at `at`, counted from the record's start."""
    name, data = _main(suffix, b"<a/>")
    start = data.rfind(b"PK\x05\x06") + at
    return name, data[:start] + value + data[start + len(value) :]


def _nested_archives(suffix: str, depth: int) -> tuple[str, bytes]:
    name, data = _zeros(suffix, 100)
    for _ in range(depth):
        name, data = _archive(suffix, [Entry(_MAIN[suffix], data, STORED)])
    return name, data


def _doctype(declarations: str, use: str) -> bytes:
    return f'<?xml version="1.0"?><!DOCTYPE a [{declarations}]><a>{use}</a>'.encode()


def _laughs(n: int) -> bytes:
    entities = "".join(f'<!ENTITY l{i} "{f"&l{i - 1};" * 10}">' for i in range(1, n))
    return _doctype(f'<!ENTITY l0 "ha">{entities}', f"&l{n - 1};")


def _xml() -> Iterator[tuple[str, bytes]]:
    for n in (3, 10, 30, 300):
        yield f"laughs-{n}", _laughs(n)
    for n in (1000, 20_000):
        yield f"quadratic-{n}", _doctype(f'<!ENTITY a "{"ha" * n}">', "&a;" * n)
    yield "laughs-utf-16", _laughs(10).decode().replace("?>", ' encoding="utf-16"?>').encode("utf-16")
    yield "laughs-in-attribute", _doctype('<!ENTITY a "ha"><!ENTITY b "&a;&a;">', '<b c="&b;"/>')
    for address in ("file:///etc/passwd", "http://127.0.0.1/x", "/dev/zero", "expect://id"):
        yield f"outside-{address.partition(':')[0].strip('/')}", _doctype(f'<!ENTITY a SYSTEM "{address}">', "&a;")
    yield "outside-by-parameter", _doctype('<!ENTITY % a SYSTEM "file:///etc/passwd"> %a;', "")
    yield "recursive-entity", _doctype('<!ENTITY a "&b;"><!ENTITY b "&a;">', "&a;")
    for n in (300, 10_000, 300_000):
        yield f"nested-{n}", b"<a>" * n + b"</a>" * n
    yield "attributes-50000", b"<a " + b"".join(b'x%d="" ' % i for i in range(50_000)) + b"/>"
    yield "names-without-end", b"<" + b"a" * _MIB
    yield "not-closed", b"<a>" * 100
    yield "not-utf-8", b"<a>\xff\xfe</a>"
    yield "empty", b""


def _both(suffix: str) -> Iterator[tuple[str, partial[tuple[str, bytes]]]]:
    for n_mib in (4, 63, 65, 1000):
        yield f"inflates-to-{n_mib}-mib", partial(_zeros, suffix, n_mib)
    for n_mib, says in ((1, 10), (60, 1000), (60, _MIB), (1, 60 * _MIB), (1, 0xFFFFFFFF)):
        yield f"{n_mib}-mib-says-{says}", partial(_lying, suffix, n_mib, says)
    for name in ("../up", "/etc/passwd", "C:\\up", "a/../../up", "..\\up", "\\\\host\\up", "a\0b", "", "n" * 5000):
        yield f"entry-named-{name[:12]!a}", partial(_named, suffix, name)
    for n in (1, 50, 5000):
        yield f"overlapping-{n}", partial(_overlapping, suffix, n)
    for n_bytes in (200, 100_000):
        yield f"reaching-over-{n_bytes}", partial(_reaching, suffix, n_bytes)
    yield "entries-10001", partial(_crowded, suffix, 10_001)
    yield "entries-that-are-not-there", partial(_archive, suffix, [Entry("a")], 9000)
    yield "twice-named", partial(_entry, suffix, Entry("", b"<a/>"), 2)
    yield "link", partial(_entry, suffix, Entry("", b"/etc/passwd", mode=0o120777))
    yield "encrypted", partial(_entry, suffix, Entry("", b"<a/>", flags=0x801))
    for method in (1, 9, 12, 14, 93, 99):
        yield f"method-{method}", partial(_entry, suffix, Entry("", b"<a/>", method))
    yield "wrong-checksum", partial(_entry, suffix, Entry("", b"<a/>", says_crc=1))
    yield "no-deflate-stream", partial(_entry, suffix, Entry("", b"<a/>", packed=b"\xff" * 100))
    for share in (0.1, 0.6, 0.95):
        yield f"cut-off-at-{share}", partial(_cut, suffix, share)
    for what, at, value in (("zip64", 8, b"\xff" * 4), ("disks", 4, b"\x02\0"), ("directory", 16, b"\xf0\0\0\0")):
        yield f"end-record-{what}", partial(_patched, suffix, at, value)
    for depth in (1, 5):
        yield f"archives-in-archives-{depth}", partial(_nested_archives, suffix, depth)
    for name, body in _xml():
        yield f"xml-{name}", partial(_main, suffix, body)


def _book(more: str, chapters: Sequence[str] = ("<p>words</p>",)) -> tuple[str, bytes]:
    """A book whose package file goes on with `more`."""
    package = f'<package><manifest><item id="a" href="a.html" media-type="text/html"/>{more}</package>'
    return _archive("epub", [Entry("book.opf", package.encode()), Entry("a.html", "".join(chapters).encode())])


def _spine(n: int) -> str:
    return "</manifest><spine>" + '<itemref idref="a"/>' * n + "</spine>"


def _outside(address: str) -> tuple[str, bytes]:
    item = f'<item id="b" href="{address}" media-type="text/html"/></manifest><spine><itemref idref="b"/></spine>'
    return _book(item)


def _locked() -> tuple[str, bytes]:
    method = b'<e><EncryptionMethod Algorithm="http://www.w3.org/2001/04/xmlenc#aes128-cbc"/></e>'
    return "x.epub", write_epub(["<p>words</p>"], parts={"META-INF/encryption.xml": method})


def _documents() -> Iterator[tuple[str, partial[tuple[str, bytes]]]]:
    yield "epub-one-chapter-6000-times", partial(_book, _spine(6000))
    for address in ("../../up", "/etc/passwd", "file:///etc/passwd", "http://127.0.0.1/", "%2e%2e/%2e%2e/up"):
        yield f"epub-chapter-at-{address}", partial(_outside, address)
    yield "epub-locked", partial(_locked)
    for n in (300, 30_000):
        yield f"epub-page-nested-{n}", partial(_book, _spine(1), ["<div>" * n * 10, "words"])
    yield "docx-nested-tables", partial(_docx, "<w:tbl><w:tr><w:tc>" * 200)
    yield "docx-nested-formulas", partial(_docx, "<m:oMath>" + "<m:e>" * 5000)
    yield "docx-no-words", partial(_docx, "<w:p/>" * 10_000, whole=True)


def _docx(body: str, whole: bool = False) -> tuple[str, bytes]:
    return "x.docx", write_docx(body if whole else body + "<w:t>words</w:t>")


def _chapter_again(n: int) -> tuple[str, bytes]:
    return _book(_spine(n), ["<i>" + "a" * 900_000])


HEAVY = {"epub-one-large-chapter-1000-times": partial(_chapter_again, 1000)}
BOMBS = {
    **{f"{suffix}-{name}": bomb for suffix in _MAIN for name, bomb in _both(suffix)},
    **dict(_documents()),
}
