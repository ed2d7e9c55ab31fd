from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from indexer.errors import EmptyDocument, LoadError
from indexer.loaders.html import load
from indexer.places import place


def _blocks(source: str) -> list[tuple[str, str]]:
    extracted = load("page.html", source.encode())
    return [(block.kind, extracted.text[block.start : block.end]) for block in extracted.blocks]


INLINE = st.sampled_from(
    ["%s", "<b>%s</b>", '<a\nhref="x">%s</a>', "<!-- one\ntwo -->%s", "<script>\n\n</script>%s", "<br>%s"]
)
BLANKS = st.sampled_from(
    [" ", "\n", "\n\n", "</p>\n<p>", "\n<ul><li>", "</p><pre>\n\n", "<table><tr><td>", "</td>\n<td>"]
)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(INLINE, BLANKS), min_size=1, max_size=12))
def test_every_word_is_placed_on_its_source_line(parts: list[tuple[str, str]]) -> None:
    source = "<!doctype html>\n<title>T</title>\n<p>" + "".join(
        inline % f"word{number}" + blank for number, (inline, blank) in enumerate(parts)
    )
    extracted = load("page.html", source.encode())
    lines = source.split("\n")
    words = list(re.finditer(r"word\d+", extracted.text))
    assert [word.group() for word in words] == [f"word{number}" for number in range(len(parts))]
    for word in words:
        at = place(extracted.anchors, *word.span())
        assert at.line_start == at.line_end
        assert re.search(word.group() + r"\b", lines[at.line_start - 1])


def test_only_what_a_reader_sees_of_the_main_part_is_text() -> None:
    source = """<html><head><title>The title</title><style>p {}</style><script>var x</script></head>
    <body><header>Site</header><nav>Home</nav>
    <main><h1>Head</h1><p>Words<sup>2</sup> <span hidden>secret</span><span style="display: none">too</span>
    <button>Copy</button><a class="headerlink">¶</a></p><noscript>Turn on</noscript></main>
    <footer>Imprint</footer></body></html>"""
    assert _blocks(source) == [("heading", "Head"), ("paragraph", "Words²")]
    assert load("x.html", source.encode()).title == "The title"


def test_without_a_main_part_the_whole_body_is_taken_but_page_furniture() -> None:
    assert _blocks("<body><header>Site</header><div>One</div><div>Two</div><aside>Ad</aside>") == [
        ("paragraph", "One"),
        ("paragraph", "Two"),
    ]


def test_an_empty_main_part_does_not_hide_the_rest() -> None:
    assert _blocks("<main></main><p>Words") == [("paragraph", "Words")]


def test_structure() -> None:
    source = """<h2>Two <em>words</em></h2>Loose text<p>One
      <b>line</b>.<br>Next</p><ul><li>first<ul><li>inner</li></ul></li><li><p>second</p></li></ul>
<pre>def f():
    return  1

x</pre><table><thead><tr><th>a</th><th>b</th></tr></thead><tr><td>1</td><td><p>2</p><p>3</p></td></tr></table>"""
    assert _blocks(source) == [
        ("heading", "Two words"),
        ("paragraph", "Loose text"),
        ("paragraph", "One line.\nNext"),
        ("list", "first"),
        ("list", "inner"),
        ("list", "second"),
        ("code", "def f():\n    return  1\n\nx"),
        ("table_row", "a | b"),
        ("table_row", "1 | 2 3"),
    ]


def test_a_table_that_lays_out_the_page_has_no_rows() -> None:
    assert _blocks("<table><tr><td><h1>Head</h1></td><td><ul><li>item</ul></td></tr></table>") == [
        ("heading", "Head"),
        ("list", "item"),
    ]


def test_formulas_are_given_by_their_tex() -> None:
    source = """<p>Let <math><semantics><mi>x</mi><annotation encoding="application/x-tex">x_1</annotation></semantics></math>
    and <script type="math/tex">y</script> be</p><script type="math/tex; mode=display">a + b</script>
    <p><img class="mwe-math-fallback-image-inline" alt="z^2"></p>"""
    assert _blocks(source) == [("paragraph", "Let $x_1$ and $y$ be"), ("formula", "$$a + b$$"), ("paragraph", "$z^2$")]


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ("<meta charset='windows-1251'><p>Слова".encode("cp1251"), "Слова"),
        (
            '<meta http-equiv="Content-Type" content="text/html; charset=ISO-8859-1"><p>“café”'.encode("cp1252"),
            "“café”",
        ),
        ('<?xml version="1.0" encoding="UTF-8"?><html><body><p>naïve</p></body></html>'.encode(), "naïve"),
        ("<meta charset='utf-16'><p>naïve".encode(), "naïve"),
        ("\ufeff<meta charset='latin1'><p>naïve".encode(), "naïve"),
        ("<p>注意力".encode("utf-16"), "注意力"),
    ],
)
def test_the_encoding_is_the_marked_or_declared_one(data: bytes, words: str) -> None:
    assert load("x.html", data).text == words


def test_an_encoding_that_is_unknown_or_not_the_files_is_refused() -> None:
    with pytest.raises(LoadError, match="'x-klingon'"):
        load("x.html", b"<meta charset='x-klingon'><p>words")
    with pytest.raises(LoadError, match="not UTF-8"):
        load("x.html", b"<p>caf\xe9 au lait")


def test_blank_lines_before_code_are_not_its_beginning() -> None:
    assert load("x.html", b"<p>words<pre>  \n  \n  a = 1\n  \n  b = 2</pre>").text == "words\n\n  a = 1\n  \n  b = 2"


@pytest.mark.parametrize(
    "source",
    [
        "<script>alert(1)</script>",
        "<!-- only a comment -->",
        "<p> </p>",
        "<html></html>",
        "<pre>  </pre>",
        "<pre>\f\n </pre>",
    ],
)
def test_a_page_without_words_is_an_empty_document(source: str) -> None:
    with pytest.raises(EmptyDocument):
        load("x.html", source.encode())


TEXINFO = """<div class="header"><p>Next: <a href="#b" accesskey="n" rel="next">Attaching</a>, Previous: <a href="#a"
accesskey="p" rel="prev">Lists</a>, Up: <a href="#t" rel="up">Top</a> [<a href="#c" rel="contents">Contents</a>]</p></div>"""
DOCBOOK = """<div class="navheader"><table><tr><th colspan="3">Chapter 5. Network setup</th></tr><tr>
<td><a accesskey="p" href="4.html">Prev</a></td><td><a accesskey="n" href="6.html">Next</a></td></tr></table><hr/></div>"""
PUBLICAN = """<ul class="docnav"><li class="previous"><a accesskey="p" href="a"><strong>Prev</strong>9.2. Remote Login</a></li>
<li class="next"><a accesskey="n" href="b"><strong>Next</strong>9.4. Interfaces</a></li></ul>"""


LATEX2HTML = (
    """<div class="navigation"><b>Next:</b> <a href="b">Boxwidth</a> <b>Previous:</b> <a href="a">Bmargin</a></div>"""
)


@pytest.mark.parametrize("links", [TEXINFO, DOCBOOK, PUBLICAN, LATEX2HTML, TEXINFO + PUBLICAN])
def test_links_to_the_next_section_are_no_text(links: str) -> None:
    page = f"<body>{links}<h2>Data frames</h2><p>A data frame is a list.</p>{links}</body>"
    assert load("a.html", page.encode()).text == "Data frames\n\nA data frame is a list."


@pytest.mark.parametrize(
    "content",
    [
        '<div><h2>Momentum</h2><p>See <a rel="next" href="b">the next page</a>.</p></div>',
        '<div><p>Momentum is a trick.</p><p><a rel="next" href="b">Next</a></p></div>',
        '<section>Momentum is a trick.<a rel="next" href="b">Next</a></section>',
        f'<div>Momentum is a trick {"that helps " * 6}<a rel="next" href="b">Next</a></div>',
        '<p>Momentum is a trick, <a rel="noopener" href="b">says Polyak</a>.</p>',
        f'<ul><li><a rel="next" href="b">Next</a></li>{"<li><a>Momentum</a></li>" * 60}</ul>',
    ],
)
def test_what_a_page_says_beside_such_a_link_stays(content: str) -> None:
    assert "Momentum" in load("a.html", f"<body>{content}<p>And more.</p></body>".encode()).text


WORDS = "A data frame is a list of vectors of one length. " * 6
SPHINX_TOC = """<div class="toctree-wrapper compound"><p class="caption">Contents:</p><ul><li class="toctree-l1">
<a href="a">Lists</a><ul><li class="toctree-l2"><a href="b">Data frames</a></li></ul></li></ul></div>"""
DOCBOOK_TOC = """<div class="toc"><p><strong>Table of Contents</strong></p><dl class="toc"><dt><a href="a">1. Lists</a></dt>
<dd><dl><dt><a href="b">1.1. Data frames</a></dt></dl></dd></dl></div>"""
TEXINFO_TOC = """<div class="Contents_element" id="SEC_Contents"><h2 class="contents-heading">Table of Contents</h2>
<div class="contents"><ul><li><a href="a">1 Lists</a></li></ul></div></div>"""


TEXINFO_INDEX = (
    """<table class="index-cp"><tr><td><a href="a">lists</a>:</td><td><a href="b">Objects</a></td></tr></table>"""
)


@pytest.mark.parametrize("contents", [TEXINFO_INDEX, SPHINX_TOC, DOCBOOK_TOC, TEXINFO_TOC, SPHINX_TOC + TEXINFO_TOC])
def test_a_table_of_contents_is_no_text(contents: str) -> None:
    page = f"<body><h1>Data</h1>{contents}<p>{WORDS}</p></body>"
    assert load("a.html", page.encode()).text == f"Data\n\n{WORDS.strip()}"


def test_a_page_that_is_little_more_than_its_table_of_contents_keeps_it() -> None:
    page = f"<body><h1>The manual</h1><p>Read it.</p>{DOCBOOK_TOC}</body>"
    assert "1.1. Data frames" in load("a.html", page.encode()).text


def test_a_list_that_says_more_than_its_links_is_text_whatever_it_is_called() -> None:
    item = '<li><a href="a">Lists</a> hold values of any kind, others too, in one order that is kept for ever and a day</li>'
    page = f'<body><p>{WORDS}</p><ul class="contents">{item * 3}</ul></body>'
    assert "in one order that is kept" in load("a.html", page.encode()).text
