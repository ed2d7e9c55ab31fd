"""Small files of every format to begin from, and the words that each format reacts to."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tests.indexer.loaders.office import paragraph, part, write_docx, write_epub
from tests.indexer.loaders.pdf_writer import Page, column, write_pdf
from tests.indexer.loaders.zip_writer import Entry, write_zip

MAX_BYTES = 1 << 16  # larger files say nothing that smaller ones do not, and take longer


@dataclass(frozen=True)
class Parser:
    """A loader by its suffix, files to begin from, its words, and how a mutated piece becomes a file."""

    suffix: str
    seeds: tuple[bytes, ...]
    words: tuple[bytes, ...]
    wrap: Callable[[bytes], bytes] = bytes


def _page(body: bytes) -> bytes:
    return write_zip(
        [
            Entry(
                "META-INF/container.xml", b'<container><rootfiles><rootfile full-path="p.opf"/></rootfiles></container>'
            ),
            Entry(
                "p.opf",
                b'<package><manifest><item id="a" href="a.xhtml" media-type="application/xhtml+xml"/></manifest>'
                b'<spine><itemref idref="a"/></spine></package>',
            ),
            Entry("a.xhtml", body),
        ]
    )


_MD = b"""---
title: T
---
# One

Words with $x^2$, `code` and [a link](u).[^1]

| a | b |
|---|---|
| 1 | 2 |

```py
x = 1
```

$$
y
$$

- a
  - b

> quoted

[^1]: note
"""
_RST = b"""One
===

Words ``x``::

    code

.. math::

   y

====  ====
a     b
====  ====
1     2
====  ====

* a
"""
_HTML = b"""<!doctype html><html><head><meta charset="utf-8"><title>T</title></head><body><nav>n</nav><main><h1>One</h1>
<p>Words <b>x</b> <math><mi>y</mi></math></p><table><tr><td>1</td></tr></table><pre>a
b</pre><ul><li>l</ul><script>s</script></main></body></html>"""
_IPYNB = b"""{"cells": [{"cell_type": "markdown", "source": ["# One\\n", "words"]}, {"cell_type": "code", "execution_count": 1,
"source": "x = 1", "outputs": [{"output_type": "stream", "text": ["a\\r", "b"]}, {"output_type": "execute_result",
"data": {"text/plain": "1"}}, {"output_type": "error", "ename": "E", "evalue": "v"}]}], "nbformat": 4, "metadata": {}}"""
_TEX = rb"""\documentclass{article}\newcommand{\R}{\mathbb{R}}\title{T}\begin{document}\section{One}\label{a}
Words $x^2$ \emph{y} \cite{b}. % comment
\begin{equation}z\end{equation}\begin{itemize}\item l\end{itemize}\begin{tabular}{l}1 & 2\\\end{tabular}
\begin{verbatim}v\end{verbatim}\input{other}\footnote{f}\end{document}"""
_PY = b'"""Doc."""\nimport os\n\n\n# why\nclass A:\n    """a"""\n\n    def f(self, x):\n        return f"{x!r:>{3}}"\n'
_C = b'/* why */\n#include <a.h>\nstatic int f(int x) { // x\n  return "}"[x];\n}\nstruct S { int a; };\nclass B { void g(); };\n'
_XML = part(
    "document", paragraph("One", "Heading1") + paragraph("words") + "<w:tbl><w:tr><w:tc><w:p/></w:tc></w:tr></w:tbl>"
)
_PDF = write_pdf([Page(column(["First words of the page.", "Second line"])), Page(column(["More"]))], title="T")
_DOCX = write_docx(paragraph("One", "Heading1") + paragraph("words"))
_TAGS = (
    b"<",
    b">",
    b"</p>",
    b"<!--",
    b"<![CDATA[",
    b"<table>",
    b"<tr><td>",
    b"&amp;",
    b"&#0;",
    b"<?x",
    b"<pre>",
    b"<p>" * 9,
)

_WORDS = {
    "md": (b"$", b"$$", b"```", b"|", b"[^1]", b"---\n", b"\\begin{a}", b"\\end{a}", b"> ", b"<div>", b"`"),
    "txt": (b"\xef\xbb\xbf", b"\xff\xfe", b"\r\n", b"\x0c", b"\xe2\x80\xa8"),
    "rst": (b"::\n", b".. math::", b"====\n", b"* ", b".. ", b"``", b"\n    ", b"+--+\n|  |\n+--+\n"),
    "ipynb": (b"{", b"[", b'"cells"', b'"source"', b"null", b"1e999", b'"\\ud800"', b"[[[[["),
    "tex": (b"\\", b"{", b"}", b"$", b"\\begin{", b"\\end{", b"\\newcommand{\\a}[1]{#1\\a}", b"\\verb|", b"%", b"&"),
    "py": (b'"""', b"'''", b"f'{", b"def ", b"class ", b"\\\n", b"\t", b"(", b"# coding: utf-16\n", b"async "),
    "c": (b"/*", b"*/", b'"', b"{", b"}", b"//", b"#if 0\n", b"\\\n", b"'", b"template<"),
    "js": (b"`", b"${", b"/", b"=>", b"/*", b"function "),
    "csv": (b'"', b",", b";", b"\t", b"\n", b'""', b"\r", b"sep=;\n"),
    "srt": (b" --> ", b"00:00:01,000", b"99:99:99,999", b"\n\n", b"<"),
    "vtt": (b" --> ", b"00:01.000", b"WEBVTT", b"NOTE", b"<v "),
    "pdf": (
        b"obj",
        b"endobj",
        b"stream\n",
        b"<<",
        b">>",
        b"/Kids",
        b"/Parent",
        b"1 0 R",
        b"BT",
        b"Tj",
        b"9" * 11,
        b"/FlateDecode",
    ),
    "zip": (b"PK\3\4", b"PK\1\2", b"PK\5\6", b"\0" * 8, b"\xff" * 4, b"word/document.xml", b"../", b"container.xml"),
    "docx-xml": (*_TAGS, b"<w:p>", b"</w:p>", b"<w:r><w:t>", b"<m:oMath>", b'<!DOCTYPE a [<!ENTITY b "c">]>'),
}

PARSERS: dict[str, Parser] = {
    "md": Parser(".md", (_MD,), _WORDS["md"]),
    "txt": Parser(".txt", (b"Words.\n\nMore words:\n- a\n- b\n",), _WORDS["txt"]),
    "rst": Parser(".rst", (_RST,), _WORDS["rst"]),
    "html": Parser(".html", (_HTML,), _TAGS),
    "ipynb": Parser(".ipynb", (_IPYNB,), _WORDS["ipynb"]),
    "tex": Parser(".tex", (_TEX,), _WORDS["tex"]),
    "py": Parser(".py", (_PY,), _WORDS["py"]),
    "c": Parser(".c", (_C,), _WORDS["c"]),
    "js": Parser(".js", (_C, b"function f(a) {\n  return `x${a}` + /re[/]/;\n}\n"), _WORDS["js"]),
    "csv": Parser(".csv", (b'a,b\n1,"x ""y"""\n2,z\n',), _WORDS["csv"]),
    "srt": Parser(".srt", (b"1\n00:00:01,000 --> 00:00:02,000\nWords <i>x</i>\n\n",), _WORDS["srt"]),
    "vtt": Parser(".vtt", (b"WEBVTT\n\n00:01.000 --> 00:02.000 align:start\n<v A>Words\n\nNOTE n\n",), _WORDS["vtt"]),
    "pdf": Parser(".pdf", (_PDF,), _WORDS["pdf"]),
    "docx": Parser(".docx", (_DOCX,), _WORDS["zip"]),
    "docx-xml": Parser(".docx", (_XML,), _WORDS["docx-xml"], lambda xml: write_zip([Entry("word/document.xml", xml)])),
    "epub": Parser(".epub", (write_epub([_HTML.decode()]),), _WORDS["zip"]),
    "epub-page": Parser(".epub", (_HTML,), _TAGS, _page),
}
"""By name; `docx-xml` and `epub-page` mutate what is inside of the archive."""
