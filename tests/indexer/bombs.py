"""Files made to harm whoever reads them: each is small, and must end in a LoadError quickly.

`BOMBS` maps a name to a function that makes (file name, bytes); nothing is made before it is called.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import partial

from tests.indexer.loaders.zip_writer import STORED, Entry, deflated, write_zip

Bomb = Callable[[], tuple[str, bytes]]

_MIB = 1 << 20
_MAIN = {"docx": "word/document.xml", "epub": "OEBPS/one.xhtml"}


def _zeros(suffix: str, n_mib: int) -> tuple[str, bytes]:
    return f"x.{suffix}", write_zip([_blank(_MAIN[suffix], n_mib)])


def _blank(name: str, n_mib: int) -> Entry:
    """An entry of so many MiB of blanks, with a wrong checksum: who gets that far has read too much."""
    return Entry(name, packed=deflated(b" " * _MIB, n_mib), says_size=n_mib * _MIB)


def _named(suffix: str, name: str) -> tuple[str, bytes]:
    return f"x.{suffix}", write_zip([Entry(_MAIN[suffix], b"<a/>"), Entry(name, b"words")])


def _overlapping(suffix: str, n: int) -> tuple[str, bytes]:
    kernel = _blank(_MAIN[suffix], 1)
    return f"x.{suffix}", write_zip([kernel, *(replace(kernel, name=f"{i}.xml", at=0) for i in range(n))])


def _crowded(suffix: str, n: int) -> tuple[str, bytes]:
    return f"x.{suffix}", write_zip([Entry(_MAIN[suffix], b"<a/>"), *(Entry(f"{i}", method=STORED) for i in range(n))])


def _laughs(suffix: str, n: int) -> tuple[str, bytes]:
    entities = "".join(f'<!ENTITY l{i} "{f"&l{i - 1};" * 10}">' for i in range(1, n))
    xml = f'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY l0 "ha">{entities}]><a>&l{n - 1};</a>'
    return f"x.{suffix}", write_zip([Entry(_MAIN[suffix], xml.encode())])


def _json(opening: str, n: int) -> tuple[str, bytes]:
    return "x.ipynb", b'{"cells": ' + (opening * n).encode()


def _cells(n: int) -> tuple[str, bytes]:
    return "x.ipynb", json.dumps({"cells": [[]] * n}).encode()


def _html(tag: str, n: int) -> tuple[str, bytes]:
    return "x.html", b"<p>words" + f"<{tag}>".encode() * n


def _pdf(bodies: list[bytes], trailer: bytes = b"") -> tuple[str, bytes]:
    out, offsets = bytearray(b"%PDF-1.7\n"), []
    for number, body in enumerate(bodies, 1):
        offsets.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    table = b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    end = b"xref\n0 %d\n0000000000 65535 f \n%strailer << /Size %d /Root 1 0 R %s >>\nstartxref\n%d\n%%%%EOF\n"
    return "x.pdf", bytes(out) + end % (len(offsets) + 1, table, len(offsets) + 1, trailer, len(out))


def _page_tree_loop(n: int) -> tuple[str, bytes]:
    nodes = [b"<< /Type /Pages /Count 9 /Kids [%d 0 R] >>" % (2 + (i + 1) % n) for i in range(n)]
    return _pdf([b"<< /Type /Catalog /Pages 2 0 R >>", *nodes])


def _inflating_pdf(n_mib: int) -> tuple[str, bytes]:
    stream = b"\x78\x9c" + deflated(b" " * _MIB, n_mib)
    page = b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 9 9] /Contents 4 0 R >>"
    pages = b"<< /Type /Pages /Count 1 /Kids [3 0 R] >>"
    content = b"<< /Length %d /Filter /FlateDecode >>\nstream\n%s\nendstream" % (len(stream), stream)
    return _pdf([b"<< /Type /Catalog /Pages 2 0 R >>", pages, page, content])


def _all() -> Iterator[tuple[str, Bomb]]:
    for suffix in _MAIN:
        for n_mib in (64, 256):
            yield f"{suffix}-inflates-to-{n_mib}-mib", partial(_zeros, suffix, n_mib)
        for name in ("../escape", "/etc/passwd", "C:\\escape"):
            yield f"{suffix}-entry-named-{name}", partial(_named, suffix, name)
        yield f"{suffix}-overlapping-500", partial(_overlapping, suffix, 500)
        yield f"{suffix}-entries-60000", partial(_crowded, suffix, 60_000)
        yield f"{suffix}-billion-laughs", partial(_laughs, suffix, 10)
    for opening in ("[", '{"a":'):
        yield f"ipynb-nested-{opening}", partial(_json, opening, 100_000)
    yield "ipynb-cells-that-are-none", partial(_cells, 100_000)
    for tag in ("div", "b", "table"):
        yield f"html-nested-{tag}", partial(_html, tag, 100_000)
    yield "pdf-page-tree-loop", partial(_page_tree_loop, 1)
    yield "pdf-page-tree-ring", partial(_page_tree_loop, 5)
    yield "pdf-inflates", partial(_inflating_pdf, 256)


BOMBS: Mapping[str, Bomb] = dict(_all())
