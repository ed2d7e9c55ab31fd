"""What LaTeX's commands and environments are to a reader: signs, accents, levels, and how many arguments are not text."""

from __future__ import annotations

import re
import unicodedata

from indexer.types import BlockKind

SECTIONS = {
    "part": 1,
    "chapter": 1,
    "section": 2,
    "subsection": 3,
    "subsubsection": 4,
    "paragraph": 5,
    "subparagraph": 6,
    "title": 1,
    "frametitle": 2,
}
SIGNS = {
    **{sign: sign for sign in "%&_#${}"},
    **dict.fromkeys(" ,;:/\n", " "),
    **dict.fromkeys(("ldots", "dots", "textellipsis"), "…"),
    **{"textbackslash": "\\", "textasciitilde": "~", "textasciicircum": "^", "textbar": "|", "textless": "<"},
    **{"textgreater": ">", "textendash": "–", "textemdash": "—", "S": "§", "P": "¶", "copyright": "©", "pounds": "£"},
    **{"ss": "ß", "ae": "æ", "AE": "Æ", "oe": "œ", "OE": "Œ", "o": "ø", "O": "Ø", "aa": "å", "AA": "Å", "l": "ł"},
    **{"L": "Ł", "i": "ı", "TeX": "TeX", "LaTeX": "LaTeX", "LaTeXe": "LaTeX2e", "BibTeX": "BibTeX", "quad": " "},
    **{"qquad": " ", "newline": " ", "textdegree": "°", "textregistered": "®", "texttrademark": "™", "space": " "},
}
_ACCENTS = {
    **{"'": "\u0301", "`": "\u0300", "^": "\u0302", '"': "\u0308", "~": "\u0303", "=": "\u0304", ".": "\u0307"},
    **{"c": "\u0327", "v": "\u030c", "u": "\u0306", "H": "\u030b", "k": "\u0328", "r": "\u030a", "d": "\u0323"},
}
ACCENTED = re.compile(r"\\(?:([\'`^\"~=.])\s*|([cvuHkrd])(?![A-Za-z])\s*)(?:\{\s*(\\?[A-Za-z])\s*\}|(\\?[A-Za-z]))")
_FORMULA = re.compile(r"((?<!\\)\$[^$]+\$)")
DASHES = {"``": "“", "''": "”", "--": "–", "---": "—", "~": " "}

UNREAD = {
    **dict.fromkeys(("label", "vspace", "hspace", "includegraphics", "bibliographystyle", "bibliography"), 1),
    **dict.fromkeys(("usepackage", "documentclass", "pagestyle", "thispagestyle", "color", "textcolor", "href"), 1),
    **dict.fromkeys(("colorbox", "hypersetup", "graphicspath", "index", "nocite", "pgfplotsset", "tikzset"), 1),
    **dict.fromkeys(("usetikzlibrary", "cline", "cmidrule", "rowcolor", "cellcolor", "phantom", "RequirePackage", "thanks"), 1),
    **dict.fromkeys(("multirow", "setlength", "addtolength", "setcounter", "addtocounter", "fontsize", "rule"), 2),
    **dict.fromkeys(("newcommand", "renewcommand", "providecommand", "DeclareMathOperator", "newtheorem", "raisebox"), 2),
    **dict.fromkeys(("definecolor", "newenvironment", "renewenvironment", "addcontentsline"), 3),
    **dict.fromkeys(("setbeamertemplate", "setbeamercolor", "setbeamerfont"), 2),
    **dict.fromkeys(("column", "setbeamercovered", "setbeamersize", "logo", "hyperlink", "hypertarget"), 1),
    **{"multicolumn": 2, "resizebox": 2, "scalebox": 1, "parbox": 1, "hyphenation": 1, "newlength": 1},
}  # fmt: skip
"""For each command, how many of its arguments are no text: they are left out, the rest is read."""

NAMED = frozenset(("input", "include", "subfile", "InputIfFileExists", "lstinputlisting", "verbatiminput"))
"""Commands that put another file in the place. It is not read: it is a document of its own, and its name stands here."""

ADDRESSES = frozenset(("url", "path", "nolinkurl"))
REFERENCES = re.compile(r"(?:(?:eq|auto|page|name|[Ccvf])?ref|(?!nocite)[A-Za-z]?[a-z]{0,9}cite[a-z]*|Cite[a-z]*)$")

FORMULAS = frozenset(
    ("equation", "align", "gather", "multline", "eqnarray", "displaymath", "math", "flalign", "alignat", "dmath")
) | frozenset(("IEEEeqnarray", "subequations", "dgroup", "xalignat"))
VERBATIM = frozenset(("verbatim", "lstlisting", "minted", "Verbatim", "alltt", "semiverbatim", "BVerbatim", "code"))
DROPPED = frozenset(("comment", "tikzpicture", "picture", "pgfpicture", "filecontents", "axis", "tikzcd", "CCSXML"))
TABLES = frozenset(("tabular", "tabularx", "tabulary", "longtable", "array", "supertabular", "tblr"))
LISTS = frozenset(
    ("itemize", "enumerate", "description", "compactitem", "compactenum", "thebibliography", "inparaenum")
)
STATEMENTS = frozenset(
    ("theorem", "lemma", "proof", "definition", "corollary", "proposition", "remark", "example", "claim", "exercise")
) | frozenset(("conjecture", "axiom", "problem", "solution", "question", "answer", "note", "algorithm"))
ARGUMENTS = {
    **dict.fromkeys(("tabular", "longtable", "array", "supertabular", "minipage", "multicols", "thebibliography"), 1),
    **dict.fromkeys(("tabularx", "tabulary", "wrapfigure", "wraptable"), 2),
    **dict.fromkeys(("subfigure", "subtable", "adjustbox", "spacing", "tblr", "column", "minted"), 1),
}
"""For each environment, how many arguments in braces follow its name."""

TITLED = {"frame": (2, 0), **dict.fromkeys(("block", "alertblock", "exampleblock"), (0,))}
"""For each environment of Beamer that begins with titles, their levels as headings; 0 is a paragraph."""

ASIDE = frozenset(("caption", "framesubtitle"))  # commands whose argument is a paragraph of its own


def kind_of(environment: str) -> BlockKind:
    """What the text of an environment is."""
    if environment in TABLES:
        return "table_row"
    return "list" if environment in LISTS else "paragraph"


def accented(match: re.Match[str]) -> str:
    """The letter that an accent and its letter make."""
    letter = (match.group(3) or match.group(4)).lstrip("\\")
    return unicodedata.normalize("NFC", letter + _ACCENTS[match.group(1) or match.group(2)])


def plain(body: str) -> str:
    """The words of a macro's body: its formulas as they stand, the rest without commands and braces."""
    if "$" in body or "\\ensuremath" in body or "\\math" in body:
        return body
    return re.sub(r"\\[A-Za-z@]+\*?[ \t]*|[{}\\]", "", body)


def title_words(title: str) -> str:
    """The words of a title: its formulas as they stand, the rest plain."""
    return "".join(part if part.startswith("$") else plain(part) for part in _FORMULA.split(title))
