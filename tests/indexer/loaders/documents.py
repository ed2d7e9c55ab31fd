"""Hypothesis strategies: whole files of every format, with prose, formulas, code, tables and lists in them."""

from __future__ import annotations

import json

from hypothesis import strategies as st

from tests.indexer.loaders.pdf_writer import Page, column, write_pdf

WORDS = st.sampled_from(
    [
        "gradient",
        "Loss",
        "e.g.",
        "naïve",
        "注意力",
        "token",
        "The",
        "is",
        "softmax,",
        "U.S.",
        "x1",
        "a_b",
        "…",
        "end.",
        "Why?",
    ]
)
SENTENCES = st.lists(WORDS, min_size=1, max_size=9).map(" ".join)
FORMULAS = st.lists(st.sampled_from(["x^2", r"\frac{a}{b}", "y.", "= z", r"\\"]), min_size=1, max_size=9).map(" ".join)
CODE = st.lists(st.sampled_from(["x = 1", "", "    return y", "def f(x):", "# why"]), min_size=1, max_size=12).map(
    lambda lines: "\n".join(["a = 0", *lines, "b = 2"])
)
PROSE = st.lists(st.one_of(SENTENCES, FORMULAS.map(lambda f: f"${f}$")), min_size=1, max_size=8).map(" ".join)
ROWS = st.lists(st.lists(WORDS, min_size=2, max_size=2), min_size=1, max_size=5)
LEVELS = st.integers(1, 6)


def _table(rows: list[list[str]]) -> str:
    return "\n".join(["| a | b |", "|---|---|", *(f"| {left} | {right} |" for left, right in rows)])


MARKDOWN = st.lists(
    st.one_of(
        PROSE,
        st.builds(lambda level, words: "#" * level + " " + words, LEVELS, SENTENCES),
        FORMULAS.map(lambda formula: f"$$\n{formula}\n$$"),
        CODE.map(lambda code: f"```python\n{code}\n```"),
        ROWS.map(_table),
        st.lists(SENTENCES, min_size=1, max_size=4).map(lambda items: "\n".join(f"- {item}" for item in items)),
        st.lists(SENTENCES, min_size=1, max_size=3).map(lambda lines: "\n".join(f"> {line}" for line in lines)),
    ),
    min_size=1,
    max_size=8,
).map("\n\n".join)

TEXT = st.lists(st.one_of(SENTENCES, st.just(""), PROSE), min_size=1, max_size=12).map(lambda ls: "\n".join(["A", *ls]))

RST = st.lists(
    st.one_of(
        PROSE,
        st.builds(lambda words, rule: f"{words}\n{rule * 60}", SENTENCES, st.sampled_from("=-~")),
        CODE.map(lambda code: "Look::\n\n" + "\n".join("    " + line for line in code.split("\n"))),
        FORMULAS.map(lambda formula: f".. math::\n\n   {formula}"),
        st.lists(SENTENCES, min_size=1, max_size=4).map(lambda items: "\n".join(f"* {item}" for item in items)),
    ),
    min_size=1,
    max_size=8,
).map("\n\n".join)

HTML = st.lists(
    st.one_of(
        PROSE.map(lambda words: f"<p>{words}</p>"),
        st.builds(lambda level, words: f"<h{level}>{words}</h{level}>", LEVELS, SENTENCES),
        CODE.map(lambda code: f"<pre>{code}</pre>"),
        ROWS.map(lambda rows: "<table>" + "\n".join(f"<tr><td>{a}<td>{b}</tr>" for a, b in rows) + "</table>"),
        SENTENCES.map(lambda words: f"<ul>\n<li>{words}\n<li><b>{words}</b></ul>\n<script>{words}</script>"),
    ),
    min_size=1,
    max_size=8,
).map(lambda parts: "<!doctype html><title>T</title><body>\n" + "\n".join(parts))

PYTHON = st.lists(
    st.one_of(
        CODE.filter(lambda code: "return" not in code and "def" not in code),
        st.builds('def f(x):\n    """{}"""\n    return x\n'.format, SENTENCES),
        st.builds(
            '@cache\nclass A:\n    """{}"""\n\n    # {}\n    def g(self):\n        pass\n'.format, SENTENCES, SENTENCES
        ),
        SENTENCES.map(lambda words: f"# {words}\n# {words}"),
        st.just("def broken(:"),
    ),
    min_size=1,
    max_size=6,
).map("\n\n".join)


def _cell(kind: str, source: str, output: str) -> dict[str, object]:
    cell: dict[str, object] = {"cell_type": kind, "source": source.splitlines(keepends=True), "metadata": {}}
    if kind == "code":
        cell["outputs"] = [{"output_type": "stream", "name": "stdout", "text": output}]
    return cell


NOTEBOOK = st.lists(
    st.one_of(
        st.builds(_cell, st.just("markdown"), MARKDOWN, st.just("")), st.builds(_cell, st.just("code"), CODE, SENTENCES)
    ),
    min_size=1,
    max_size=4,
).map(lambda cells: json.dumps({"cells": cells, "nbformat": 4, "nbformat_minor": 5, "metadata": {}}))

PDF = st.lists(
    st.lists(SENTENCES.map(lambda words: words.encode("latin-1", "ignore").decode("latin-1")), max_size=30).map(
        lambda lines: Page(column(["First line of the page.", *lines]))
    ),
    min_size=1,
    max_size=3,
).map(write_pdf)

FILES = st.one_of(
    st.tuples(st.just("a.md"), MARKDOWN.map(str.encode)),
    st.tuples(st.just("a.txt"), TEXT.map(str.encode)),
    st.tuples(st.just("a.rst"), RST.map(str.encode)),
    st.tuples(st.just("a.html"), HTML.map(str.encode)),
    st.tuples(st.just("a.py"), PYTHON.map(str.encode)),
    st.tuples(st.just("a.ipynb"), NOTEBOOK.map(str.encode)),
    st.tuples(st.just("a.pdf"), PDF),
)
