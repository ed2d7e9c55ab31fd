"""Bombs in text formats: depth, length, what is never closed, and bytes that are no text."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import partial

Bomb = partial[tuple[str, bytes]]


def _repeated(suffix: str, before: str, piece: str, times: int, after: str = "") -> tuple[str, bytes]:
    return f"x.{suffix}", (before + piece * times + after).encode()


def _notebook(cell: object, times: int) -> tuple[str, bytes]:
    return "x.ipynb", json.dumps({"cells": [cell] * times}).encode()


def _bytes(suffix: str, data: bytes, times: int = 1) -> tuple[str, bytes]:
    return f"x.{suffix}", data * times


def _notebooks() -> Iterator[tuple[str, Bomb]]:
    for opening in ("[", '{"a":', '[{"cells":'):
        for times in (2000, 100_000, 1_000_000):
            yield f"ipynb-nested-{opening}-{times}", partial(_repeated, "ipynb", '{"cells": ', opening, times)
    for digits in (5000, 1_000_000):
        yield f"ipynb-digits-{digits}", partial(_repeated, "ipynb", '{"cells": ', "9", digits, "}")
    yield "ipynb-string-not-closed", partial(_repeated, "ipynb", '{"cells": "', "a", 5_000_000)
    yield "ipynb-cells-that-are-none", partial(_notebook, [], 100_000)
    yield "ipynb-blank-cells", partial(_notebook, {"cell_type": "code", "source": [""] * 10}, 20_000)
    yield "ipynb-lists-for-text", partial(_notebook, {"cell_type": "code", "source": [[[]]] * 9}, 9000)


def _pages() -> Iterator[tuple[str, Bomb]]:
    for tag in ("div", "b", "table", "ul><li", "font", "blockquote", "span", "svg"):
        for times in (5000, 200_000):
            yield f"html-nested-{tag}-{times}", partial(_repeated, "html", "<p>words", f"<{tag}>", times)
    yield "html-nothing-shown", partial(_repeated, "html", "<script>", "<p>words", 100_000)
    yield "html-comment-not-closed", partial(_repeated, "html", "<!--", "a", 5_000_000)
    yield "html-names-its-encoding-wrongly", partial(_bytes, "html", b"<meta charset='no-such'><p>words")
    yield "html-says-utf-8", partial(_bytes, "html", b"<meta charset='utf-8'><p>\xff")


def _sources() -> Iterator[tuple[str, Bomb]]:
    for piece in (
        "{",
        "}",
        "\\begin{a}",
        "\\end{a}",
        "\\footnote{",
        "%\n",
        "\\[",
        "\\newcommand{",
        "[",
        "&",
        "\\section{",
    ):
        if piece not in ("[", "\\footnote{"):  # these two write words: see HEAVY
            yield f"tex-no-words-{piece!a}", partial(_repeated, "tex", "\\documentclass{a}", piece, 60_000)
    yield "tex-macro-of-itself", partial(_repeated, "tex", "\\newcommand{\\a}{\\a\\a}", "\\a", 60_000)
    yield "tex-macros-of-macros", partial(_repeated, "tex", "\\def\\a{\\b\\b}\\def\\b{\\a\\a}", "\\a\\b", 60_000)
    yield "csv-quote-not-closed", partial(_repeated, "csv", 'a,b\n"', "words, ", 60_000)
    yield "csv-cell-of-a-mebibyte", partial(_repeated, "csv", "a,b\n", "w", 1 << 20)
    yield "csv-no-words", partial(_repeated, "csv", "", ",", 2_000_000)
    yield "srt-no-times", partial(_repeated, "srt", "", "words\n", 200_000)
    yield "srt-no-words", partial(_repeated, "srt", "", "00:00:01,000 --> 00:00:02,000\n\n", 50_000)
    yield "vtt-notes", partial(_repeated, "vtt", "WEBVTT\n\n", "NOTE a\n", 200_000)
    yield "md-front-matter-only", partial(_repeated, "md", "---\n", "a: b\n", 50_000, "---\n")


def _no_text() -> Iterator[tuple[str, Bomb]]:
    for suffix in ("txt", "md", "rst", "py", "c", "tex", "csv", "srt"):
        yield f"{suffix}-binary", partial(_bytes, suffix, bytes(range(256)), 1000)
        yield f"{suffix}-blanks", partial(_bytes, suffix, b" \n\t", 1_000_000)
    yield "txt-nulls", partial(_bytes, "txt", b"\0", 10_000_000)
    yield "txt-half-utf-16", partial(_bytes, "txt", b"\xff\xfea\0b")
    yield "txt-surrogates", partial(_bytes, "txt", b"\xed\xa0\x80" * 1000)
    yield "txt-overlong", partial(_bytes, "txt", b"\xc0\x80" * 1000)
    yield "txt-a-pdf", partial(_bytes, "txt", b"%PDF-1.7\n")
    yield "py-encoding-unknown", partial(_bytes, "py", b"# -*- coding: bomb -*-\n")
    yield "py-utf-7", partial(_bytes, "py", b"# coding: utf-7\n+AAAA-")


def _heavy() -> Iterator[tuple[str, Bomb]]:
    for suffix in ("md", "txt", "rst", "html", "tex", "csv", "c", "py", "srt"):
        yield f"{suffix}-one-line-of-2-mib", partial(_repeated, suffix, "", "word, ", (2 << 20) // 6)
    for piece in ("> ", "- ", "1. ", "[", "*a ", "`", "![", "<b>", "$$ a\n", "|a|b|\n|-|-|\n", "~~~\n", "[^a]: "):
        yield f"md-{piece!a}", partial(_repeated, "md", "words\n\n", piece, 60_000 // len(piece))
    for piece in (
        "\\footnote{",
        "[",
        "\\emph{a",
        "$a",
        "$$a\n",
        "\\(a",
        "\\begin{align}a\n",
        "\\item[a",
        "\\verb|a",
        "\\'{",
    ):
        yield f"tex-{piece!a}", partial(_repeated, "tex", "words\n\n", piece, 200_000 // len(piece))
    openings = (
        ("c", "/* a\n"),
        ("js", "a => {\n"),
        ("cpp", "template<"),
        ("rs", "fn a("),
        ("jl", "f(a)"),
        ("lua", "--[[\n"),
    )
    for suffix, piece in openings:
        yield f"{suffix}-{piece!a}", partial(_repeated, suffix, "", piece, 200_000 // len(piece))
    yield "c-one-line-after-another", partial(_repeated, "c", "", "static int a b c d e f\n", 20_000)
    yield "js-const-lines", partial(_repeated, "js", "", "const a = " + "(a, " * 100 + "\n", 500)
    yield "srt-cues", partial(_repeated, "srt", "", "00:00:01,000 --> 00:00:02,000\n<b><i>a\n\n", 10_000)
    yield "csv-columns", partial(_repeated, "csv", "", "a,", 300_000)
    yield "csv-long-header", partial(_repeated, "csv", "name " * 20_000 + ",b\n", "a,b\n", 50_000)
    yield "html-spans", partial(_repeated, "html", "<p>", "<b>a</b>", 100_000)
    yield (
        "ipynb-long-output",
        partial(_notebook, {"cell_type": "code", "source": "a", "outputs": [{"text": "a\r" * 500_000}]}, 1),
    )


BOMBS = {**dict(_notebooks()), **dict(_pages()), **dict(_sources()), **dict(_no_text())}
HEAVY = dict(_heavy())
