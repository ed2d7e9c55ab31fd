from __future__ import annotations

import pytest

from indexer.errors import EmptyDocument, LoadError
from indexer.loaders.latex import load
from indexer.types import Extracted


def _load(body: str, preamble: str = "") -> Extracted:
    return load(
        "x.tex", f"\\documentclass{{article}}{preamble}\\begin{{document}}\n{body}\n\\end{{document}} after".encode()
    )


def _blocks(extracted: Extracted) -> list[tuple[str, int, str]]:
    return [(block.kind, block.level, extracted.text[block.start : block.end]) for block in extracted.blocks]


@pytest.mark.parametrize(
    ("source", "words"),
    [
        (r"\emph{a \textbf{b}} {\bf c}", "a b c"),
        (r"Na\"{\i}ve caf\'e \v{s}, \c c, \ss", "Naïve café š, ç, ß"),
        ("a---b, c--d, ``e'', f~g", "a—b, c–d, “e”, f g"),
        (r"5\% \& \$3 \_ \# \{x\} \dots", "5% & $3 _ # {x} …"),
        ("a % gone\n  b", "a b"),
        (r"a\footnote{why} b", "a (why) b"),
        (r"see \cite[p. 3]{knuth} and \ref{sec:one}", "see [knuth] and [sec:one]"),
        (r"\href{http://x.y/%20}{the page} \textcolor{red}{red} \unknown[opt]{kept}", "the page red kept"),
        (r"\url{http://x.y/a%20b} {c}", "http://x.y/a%20b c"),
        (r"\verb|a % {b}| c", "a % {b} c"),
        (r"\includegraphics[width=3cm]{a.png}\label{b}\vspace{1em} c", "c"),
        (r"\(x % y" + "\n" + r"+ 1\) and $a_{\text{b}} < \$c$", r"\(x + 1\) and $a_{\text{b}} < \$c$"),
        (r"a costs $5 and that is all", "a costs 5 and that is all"),
        (r"\def\x#1{gone} \newcommand{\y}[2][z]{gone #1} \setlength{\parindent}{0pt} kept", "kept"),
    ],
)
def test_a_paragraph_is_what_is_typeset(source: str, words: str) -> None:
    assert _load(source).text == words


def test_the_document_s_own_names_are_replaced_by_their_words() -> None:
    own = r"\newcommand{\model}{SuperNet\xspace}\def\loss{$\mathcal{L}$}\newcommand{\two}[1]{#1 twice}"
    assert _load(r"\model{} lowers \loss{} by \two{it}.", own).text == r"SuperNet lowers $\mathcal{L}$ by it."


def test_sections_are_headings_and_the_title_comes_from_the_preamble() -> None:
    extracted = _load(
        "\\maketitle\n\\begin{abstract}Short.\\end{abstract}\n\\section{One \\emph{more}}\\label{a}\n\\subsection*{Two}\ntext",
        "\n\\title{On \\textit{nets}\\thanks{me}}\n\\author{A}\n",
    )
    assert extracted.title == "On nets"
    assert [block for block in _blocks(extracted) if block[0] == "heading"] == [
        ("heading", 1, "On nets"),
        ("heading", 2, "Abstract"),
        ("heading", 2, "One more"),
        ("heading", 3, "Two"),
    ]


def test_displayed_formulas_are_blocks_with_their_source_and_without_comments() -> None:
    for source in ("\\[ a\n= b \\]", "$$ a\n= b $$", "\\begin{align*}\n a &= b \\label{c}\n\\end{align*}"):
        kinds = _blocks(_load(f"Before\n{source}\nafter."))
        assert [kind for kind, _, _ in kinds] == ["paragraph", "formula", "paragraph"]
        assert kinds[1][2] == " ".join(source.split())
    assert "why" not in _load("\\[ a % why\n = b \\]").text


def test_tables_lists_code_and_statements() -> None:
    extracted = _load(
        "\\begin{tabular}{l|r} \\hline\nName & Age \\\\ \\hline\nAnn & 3 \\\\[2pt]\n\\end{tabular}\n"
        "\\begin{enumerate}\n\\item one\n\\item[Two] three\n\\end{enumerate}\n"
        "\\begin{lstlisting}[language=C]\nint a; % b\n  a = 1;\n\\end{lstlisting}\n"
        "\\begin{theorem}[Gauss]\nIt holds.\n\\end{theorem}\n\\begin{comment}no\\end{comment}"
    )
    assert _blocks(extracted) == [
        ("table_row", 0, "Name | Age"),
        ("table_row", 0, "Ann | 3"),
        ("list", 0, "one"),
        ("list", 0, "Two three"),
        ("code", 0, "int a; % b\n  a = 1;"),
        ("paragraph", 0, "Theorem (Gauss). It holds."),
    ]


SLIDES = r"""\section{Why}
\begin{frame}<1->[fragile][t]{Queries \& $k$}{Dot products}
words \alert<2>{in} \only<article>{a} frame
\begin{itemize}[<+->]
\item<1-> A query asks. \pause
\item<2-|alert@3> A key answers.
\end{itemize}
\begin{block}<3->{A block}
Its text.
\end{block}
\end{frame}
\begin{frame}
\frametitle<presentation>{Code}\framesubtitle{In Python}
\begin{columns}\column{0.5\textwidth} left, $a<b$ and a < 3 > 2
\end{columns}
\end{frame}
\begin{frame}{}\end{frame}"""


def test_slides_have_titles_and_say_nothing_of_when_they_show_what() -> None:
    assert _blocks(_load(SLIDES)) == [
        ("heading", 2, "Why"),
        ("heading", 2, "Queries & $k$"),
        ("paragraph", 0, "Dot products"),
        ("paragraph", 0, "words in a frame"),
        ("list", 0, "A query asks."),
        ("list", 0, "A key answers."),
        ("paragraph", 0, "A block"),
        ("paragraph", 0, "Its text."),
        ("heading", 2, "Code"),
        ("paragraph", 0, "In Python"),
        ("paragraph", 0, "left, $a<b$ and a < 3 > 2"),
    ]


@pytest.mark.parametrize(
    ("preamble", "encoding"),
    [
        (r"\usepackage[latin1]{inputenc}", "latin-1"),
        (r"\usepackage [ascii,latin9] {inputenc}", "iso8859-15"),
        (r"\RequirePackage[ansinew]{inputenc}", "cp1252"),
        (r"\usepackage[T1]{fontenc}\inputencoding{cp1251}", "cp1251"),
        ("\n% !TeX encoding = KOI8-R\n", "koi8-r"),
        ("\n% \\usepackage[cp1251]{inputenc}\n\\usepackage[applemac]{inputenc}", "mac-roman"),
        (r"\usepackage[latin1]{inputenc}", "utf-8"),  # saved anew by an editor that did not ask
        ("", "utf-8"),
    ],
)
def test_the_encoding_is_utf_8_or_the_one_that_is_named(preamble: str, encoding: str) -> None:
    words = "Äh, naïve" if encoding not in ("cp1251", "koi8-r") else "Привет"
    source = f"\\documentclass{{article}}{preamble}\\begin{{document}}{words}\\end{{document}}"
    assert load("x.tex", source.encode(encoding)).text == words


def test_without_a_named_encoding_only_comments_may_be_in_any() -> None:
    assert load("x.tex", b"% \xa9 1998\nplain \\% words % \xe4\n").text == "plain % words"
    with pytest.raises(LoadError, match=r"not UTF-8 text .*save it as UTF-8"):
        load("x.tex", b"plain w\xf6rds \\% \xe4")


def test_a_byte_order_mark_and_what_is_no_text_are_told_before_anything_is_named() -> None:
    assert load("x.tex", "words % gone\nand more".encode("utf-16")).text == "words and more"
    with pytest.raises(LoadError, match=r"rename it to end in \.pdf"):
        load("x.tex", b"%PDF-1.4\n1 0 obj")
    with pytest.raises(LoadError, match=r"rename it to end in \.pdf"):
        load("x.tex", b"%PDF-1.4\n%\xe2\xe3\n1 0 obj")


def test_an_encoding_that_is_unknown_or_not_the_files_is_refused() -> None:
    with pytest.raises(LoadError, match="unknown encoding, 'martian'"):
        load("x.tex", b"\\usepackage[martian]{inputenc} w\xf6rds")
    with pytest.raises(LoadError, match="not CP1252 text"):
        load("x.tex", b"\\usepackage[ansinew]{inputenc} w\x81rds")


def test_an_included_file_is_named_and_nothing_is_read() -> None:
    extracted = _load("a\n\\input{sections/one} \\include{../../etc/passwd}\nb")
    assert extracted.text == "a\n\nsections/one\n\n../../etc/passwd\n\nb"
    assert extracted.notices == (
        'includes "sections/one" and "../../etc/passwd": not a part of this document, but one of its own if it is '
        "indexed as well",
    )
    assert _load("a % \\input{gone}").notices == ()


def test_a_file_that_others_include_needs_no_document_environment() -> None:
    extracted = load("one.tex", b"\\section{One}\ntext")
    assert (extracted.text, extracted.title) == ("One\n\ntext", "One")


def test_what_is_not_closed_or_closed_twice_loses_no_words() -> None:
    for source in (
        "a { b",
        "a } b",
        "a \\begin{align} b",
        "a \\end{x} b",
        "a \\emph{ b",
        "a $$ b",
        "a \\[ b",
        "a \\verb|b",
    ):
        text = _load(source).text
        assert "a" in text
        assert "b" in text
    assert _load(r"\begin{itemize}\item a\end{enumerate} b").text == "a b"


def test_a_file_of_commands_alone_is_empty() -> None:
    with pytest.raises(EmptyDocument, match="no text"):
        load("x.tex", b"\\newcommand{\\a}{b}\n% words\n")
