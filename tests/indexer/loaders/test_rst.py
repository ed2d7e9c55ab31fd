from __future__ import annotations

from textwrap import dedent

import docutils.core
import docutils.nodes
from hypothesis import given, settings
from hypothesis import strategies as st

from indexer.headings import heading_words
from indexer.loaders.rst import load
from tests.indexer.loaders.documents import RST

SAFE = {
    "report_level": 5,
    "file_insertion_enabled": False,
    "raw_enabled": False,
    "doctitle_xform": False,
    "sectsubtitle_xform": False,
    "_disable_config": True,
}


def _blocks(source: str) -> list[tuple[str, str]]:
    extracted = load("notes.rst", dedent(source).encode())
    return [(block.kind, extracted.text[block.start : block.end].strip()) for block in extracted.blocks]


SECTIONS = st.lists(
    st.tuples(st.sampled_from(["Head", "The loss", "On *it*"]), st.sampled_from("=-~"), st.booleans()), max_size=6
)


@settings(max_examples=20, deadline=None)
@given(SECTIONS, RST)
def test_sections_are_those_that_docutils_finds(sections: list[tuple[str, str, bool]], body: str) -> None:
    """The slow, obvious twin: the reference parser's section titles, wherever it finds no fault with the source."""
    parts = [(f"{rule * 9}\n" if over else "") + f"{words}\n{rule * 9}\n\nWords.\n" for words, rule, over in sections]
    source = "\n".join([*parts, body, ""])
    tree = docutils.core.publish_doctree(source, settings_overrides=SAFE)
    if any(message["level"] >= 3 for message in tree.findall(docutils.nodes.system_message)):
        return
    expected = [section.next_node(docutils.nodes.title).rawsource for section in tree.findall(docutils.nodes.section)]
    extracted = load("a.rst", source.encode())
    found = [extracted.text[b.start : b.end] for b in extracted.blocks if b.kind == "heading"]
    assert [heading_words(heading) for heading in found] == [heading_words(title) for title in expected]


def test_a_sections_level_is_the_order_in_which_its_style_appeared() -> None:
    extracted = load("a.rst", b"====\nDoc\n====\n\nOne\n===\n\nSub\n---\n\nTwo\n===\n")
    assert [block.level for block in extracted.blocks] == [1, 2, 3, 2]
    assert extracted.title == "Doc"


def test_structure() -> None:
    source = """\
        Prose
        here.

        Look::

            code

            more

        .. math::

           E = mc^2

        .. code-block:: python

           x = 1

        - one
          wrapped
        - two

        +---+---+
        | a | b |
        +===+===+
        | 1 | 2 |
        +---+---+

        === ===
        a   b
        === ===
        1   2
        === ===

        >>> 1 + 1
        2

        .. note:: Mind this.
        """
    assert _blocks(source) == [
        ("paragraph", "Prose\nhere."),
        ("paragraph", "Look::"),
        ("code", "code\n\n    more"),
        ("formula", ".. math::\n\n   E = mc^2"),
        ("code", ".. code-block:: python\n\n   x = 1"),
        ("list", "- one\n  wrapped"),
        ("list", "- two"),
        ("table_row", "+---+---+\n| a | b |\n+===+===+"),
        ("table_row", "| 1 | 2 |\n+---+---+"),
        ("table_row", "=== ==="),
        ("table_row", "a   b"),
        ("table_row", "=== ==="),
        ("table_row", "1   2"),
        ("table_row", "=== ==="),
        ("code", ">>> 1 + 1\n2"),
        ("paragraph", ".. note:: Mind this."),
    ]


def test_directives_that_would_read_files_or_pass_raw_text_stay_words() -> None:
    source = (
        ".. include:: /etc/passwd\n\n.. raw:: html\n   :file: /etc/passwd\n\n.. csv-table::\n   :file: /etc/passwd\n"
    )
    assert load("a.rst", source.encode()).text == source


def test_what_is_included_is_named_as_missing() -> None:
    source = "Words.\n\n.. include:: parts/one.rst\n\n.. include:: <isonum.txt>\n\n.. literalinclude:: a.py\n"
    assert load("a.rst", source.encode()).notices == (
        'includes "parts/one.rst" and "a.py": not a part of this document, but one of its own if it is indexed as well',
    )
    assert load("a.rst", b"Words. We write .. include:: x here.\n").notices == ()
