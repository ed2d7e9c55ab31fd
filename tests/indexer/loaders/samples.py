"""Files of every format in which each word occurs once, and a way to look at a place of each file.

They are made of the pieces below, in any order. Each "§" becomes a word that occurs nowhere else and must be
read; each "¤" one that must not be.
"""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from hypothesis import strategies as st

from indexer.types import Place
from tests.indexer.loaders.office import paragraph, write_docx, write_epub
from tests.indexer.loaders.pdf_writer import Page, Text, write_pdf

Locate = Callable[[Place], str]
"""What stands in the source file at a place."""

LINES: dict[str, Sequence[str]] = {
    ".md": ["# § §", "§ `§`\n§ [§](url).", "> - §\n>   §", "$$\n§\n$$", "```py\n§\n\n§\n```", "| § | § |\n|---|---|\n| § | § |",
            "\\begin{align}\n§\n\\end{align}", "Claim[^§].\n\n[^§]: §", "<div>\n§\n</div>"],
    ".txt": ["§ §\n  §", "§"],
    ".rst": ["§ § §\n=========================", "§::\n\n    §\n    §", ".. math::\n\n   §", "* §\n* §\n  §",
             "=====  =====\n§      §\n=====  ====="],
    ".html": ["<h2>§\n§</h2>", "<p>§ <b>§</b>\n\n§<br>§</p>", "<script>\n¤\n</script>", "<nav>¤<p>¤</nav>", "<!-- ¤\n -->§ §\n",
              "<table><tr><td>§</td>\n<td>§</td></tr></table>", "<pre>§\n  §</pre>", "<ul>\n<li>§\n<li>§</ul>",
              "<p hidden>¤</p>", "<style>¤{}\n</style>"],
    ".tex": ["\\section{§ \\emph{§}}\\label{¤}", "§ {\\bf §} % ¤\n§ \\textit{§\n§}", "% ¤\n", "$§^2$ and \\(§\n+ §\\)",
             "\\begin{equation*}\n§ % ¤\n= §\n\\end{equation*}", "\\[ §\n\\]",
             "\\begin{itemize}\n\\item §\n\\item[§] §\n\\end{itemize}",
             "\\begin{tabular}{l|r}\n§ & § \\\\ \\hline\n§ &\n§\n\\end{tabular}",
             "\\begin{verbatim}\n§ % §\n\n§\n\\end{verbatim}",
             "\\begin{comment}\n¤\n\\end{comment}", "§\\footnote{§\n§}, \\cite{§}", "\\caption{§}\n§", "\\input{§/§}",
             "\\begin{lemma}[§]\n§\n\\end{lemma}", "\\href{¤}{§} \\unknown[¤]{§}{§}", "\\newcommand{\\¤}{¤}", "\\verb|§ %|§"],
    ".py": ["# §\n# §", "§ = 1  # §", "def §(x):\n    '''§\n    §'''\n    return §", "class §:\n    # §\n    def §(self): pass"],
    ".c": ["// §\n// §", "/* §\n * § */\nint §(int §,\n      int §) {\n  return §;\n}", "struct § {\n  int §;\n};",
           "#define § §"],
    ".js": ["/** § */\nexport class § {\n  §(x) {\n    return § }\n}", "const § = (x) => §",
            "function §() {\n  // §\n}", "// §\n\n§"],
    ".rs": ["#[§]\npub fn §() {}", "impl § {\n    /// §\n    fn §(&self) {\n    }\n}"],
    ".sql": ["-- §\nCREATE TABLE § (\n  § INTEGER\n);", "select § from §;"],
    ".srt": ["7\n00:00:01,000 --> 00:00:02,500\n§ <i>§</i>\n§", "8\n00:10:01,000 --> 00:10:02,500\n{\\an8}§. §"],
    ".vtt": ["00:01.000 --> 00:02.500 align:left\n<v Ann>§ <c.x>§</c>\n- §", "NOTE ¤\n¤", "01:00:09.000 --> 01:00:10.000\n§"],
    ".csv": ["§,§", "\"§, §\",§", "\"§\n§\",§", ",§"],
    ".tsv": ["§\t§", "\t§"],
}  # fmt: skip
JOINTS = {".csv": "\n", ".tsv": "\n"}
SUFFIX = st.sampled_from(sorted(LINES))


@dataclass(frozen=True)
class Sample:
    """A file made of pieces: what must be read of it, what must not, and a way to look at a place of it."""

    name: str
    data: bytes
    read: Sequence[str]
    unread: Sequence[str]
    locate: Locate


class Words:
    """Fills pieces with words that occur once."""

    def __init__(self) -> None:
        self.read: list[str] = []
        self.unread: list[str] = []
        self._numbers = itertools.count(100)

    def fill(self, piece: str) -> str:
        return re.sub("[§¤]", self._word, piece)

    def _word(self, mark: re.Match[str]) -> str:
        # Digits as letters: some formats take numbers for something else.
        word = "q" + str(next(self._numbers)).translate(str.maketrans("0123456789", "abcdefghij")) + "z"
        (self.read if mark[0] == "§" else self.unread).append(word)
        return word


@st.composite
def _line_files(draw: st.DrawFn) -> Sample:
    suffix = draw(SUFFIX)
    words = Words()
    pieces = ["§ §", *draw(st.lists(st.sampled_from(LINES[suffix]), max_size=8))]
    if suffix in (".srt", ".vtt"):
        pieces[0] = LINES[suffix][0]
    source = words.fill(JOINTS.get(suffix, "\n\n").join(pieces))
    lines = source.split("\n")
    return Sample("x" + suffix, source.encode(), words.read, words.unread,
                  lambda at: "\n".join(lines[(at.line_start or 0) - 1 : at.line_end]))  # fmt: skip


@st.composite
def _notebooks(draw: st.DrawFn) -> Sample:
    words = Words()
    kinds = draw(st.lists(st.sampled_from(["markdown", "code", "raw"]), min_size=1, max_size=5))
    cells = [
        {"cell_type": kind, "source": words.fill("§\n§"), "metadata": {"tag": words.fill("¤")}, "execution_count": 3,
         "outputs": [{"output_type": "stream", "text": [words.fill("§\n"), words.fill("§")]},
                     {"output_type": "execute_result", "data": {"text/plain": words.fill("§"), "text/html": words.fill("¤")}},
                     {"output_type": "error", "ename": words.fill("§"), "evalue": words.fill("§"),
                      "traceback": [words.fill("¤")]}]
         if kind == "code" else []} for kind in kinds
    ]  # fmt: skip
    return Sample("x.ipynb", json.dumps({"cells": cells}).encode(), words.read, words.unread,
                  lambda at: json.dumps(cells[(at.cell or 0) - 1]))  # fmt: skip


_DOCX_PIECES = [
    paragraph("§ §"),
    paragraph("§", style="Heading1"),
    paragraph(
        "§", more="<w:del><w:r><w:delText>¤</w:delText><w:t>¤</w:t></w:r></w:del><w:ins><w:r><w:t>§</w:t></w:r></w:ins>"
    ),
    paragraph("§", more="<w:r><w:tab/><w:br/><w:t>§</w:t></w:r><w:r><w:rPr><w:vanish/></w:rPr><w:t>¤</w:t></w:r>"),
    paragraph(
        "§",
        more="<m:oMath><m:f><m:num><m:r><m:t>§</m:t></m:r></m:num>"
              "<m:den><m:r><m:t>§</m:t></m:r></m:den></m:f></m:oMath>",
    ),
    f"<w:tbl><w:tr><w:tc>{paragraph('§')}</w:tc><w:tc>{paragraph('§')}{paragraph('§')}</w:tc></w:tr></w:tbl>",
    paragraph("§", more=f"<w:r><w:txbxContent>{paragraph('§')}</w:txbxContent><w:t>§</w:t></w:r>"),
    paragraph("§", more="<w:r><w:instrText>¤</w:instrText></w:r><mc:Fallback><w:t>¤</w:t></mc:Fallback>"),
    "<w:p/>",
]


@st.composite
def _word_documents(draw: st.DrawFn) -> Sample:
    words = Words()
    pieces = draw(st.lists(st.sampled_from(_DOCX_PIECES), max_size=6))
    body = words.fill("".join([paragraph("§"), *pieces]))
    paragraphs = re.split(r"<w:p[ />]", body)  # what follows an inner paragraph belongs to the outer one and to it
    return Sample("x.docx", write_docx(body), words.read, words.unread,
                  lambda at: "".join(paragraphs[(at.line_start or 0) : (at.line_end or 0) + 1]))  # fmt: skip


@st.composite
def _books(draw: st.DrawFn) -> Sample:
    words = Words()
    page = st.lists(st.sampled_from(LINES[".html"]), max_size=4).map("\n".join)
    chapters = [
        words.fill(f"<html><body>\n{piece}\n<p>§</p></body></html>")
        for piece in draw(st.lists(page, min_size=1, max_size=4))
    ]
    lines = [chapter.split("\n") for chapter in chapters]
    return Sample("x.epub", write_epub(chapters), words.read, words.unread,
                  lambda at: "\n".join(lines[(at.cell or 0) - 1][(at.line_start or 0) - 1 : at.line_end]))  # fmt: skip


@st.composite
def _pdfs(draw: st.DrawFn) -> Sample:
    words = Words()
    n_lines = draw(st.lists(st.integers(1, 12), min_size=1, max_size=3))
    pages = [Page([Text(60, 700 - 14 * n, words.fill("§ §")) for n in range(n)]) for n in n_lines]

    def locate(at: Place) -> str:
        """The texts whose baseline's start lies in or left of a box, on its height."""
        texts = pages[(at.page or 0) - 1].texts
        return " ".join(
            t.text for t in texts for box in at.boxes or () if box[1] <= 800 - t.y <= box[3] and t.x <= box[2]
        )

    return Sample("x.pdf", write_pdf(pages), words.read, words.unread, locate)


SAMPLES = st.one_of(*[_line_files()] * 3, _notebooks(), _word_documents(), _books(), _pdfs())
