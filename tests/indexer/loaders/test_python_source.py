from __future__ import annotations

from textwrap import dedent

import pytest

from indexer.errors import LoadError
from indexer.headings import heading_words
from indexer.loaders.python_source import load
from indexer.places import place


def _blocks(source: str) -> list[tuple[str, str]]:
    extracted = load("model.py", dedent(source).encode())
    return [(block.kind, extracted.text[block.start : block.end].strip()) for block in extracted.blocks]


def test_classes_functions_and_docstrings_are_told_apart() -> None:
    source = '''\
        """What the module does."""
        import math

        LIMIT = 3


        # Above the class.
        @dataclass(frozen=True)
        class Model(Base):
            """What it is."""

            size: int = 1

            def forward(
                self,
                x: int,
            ) -> int:
                """What it returns."""
                # why
                return x

            @property
            def one(self): return 1

        async def run():
            await x
        print(1); print(2)
        # the end
        '''
    assert _blocks(source) == [
        ("paragraph", '"""What the module does."""'),
        ("code", "import math"),
        ("code", "LIMIT = 3"),
        ("heading", "# Above the class.\n@dataclass(frozen=True)\nclass Model(Base):"),
        ("paragraph", '"""What it is."""'),
        ("code", "size: int = 1"),
        ("heading", "def forward(\n        self,\n        x: int,\n    ) -> int:"),
        ("paragraph", '"""What it returns."""'),
        ("code", "# why\n        return x"),
        ("code", "@property\n    def one(self): return 1"),
        ("heading", "async def run():"),
        ("code", "await x\nprint(1); print(2)"),
        ("paragraph", "# the end"),
    ]


def test_a_signatures_words_leave_out_what_stands_above_it() -> None:
    assert heading_words("# Above.\n@cache\nclass Model(Base):\n") == "class Model(Base)"
    assert heading_words("    def forward(\n        self,\n    ) -> int:\n") == "def forward( self, ) -> int"


def test_methods_stand_under_their_class() -> None:
    extracted = load("a.py", b"class A:\n    def f(self):\n        pass\n\ndef g():\n    pass\n")
    assert [block.level for block in extracted.blocks if block.kind == "heading"] == [5, 6, 5]


def test_markdown_cells_of_a_notebook_saved_as_a_script_keep_their_sections() -> None:
    source = """\
        # %% [markdown]
        # # Loss
        #
        # It is $$x$$.

        # %%
        # # not a heading
        x = 1
        """
    assert _blocks(source) == [
        ("heading", "# %% [markdown]\n# # Loss"),
        ("paragraph", "#\n# It is $$x$$."),
        ("code", "# %%\n# # not a heading\nx = 1"),
    ]


@pytest.mark.parametrize("source", ["def broken(:\n  x\n\ny = 1\n", "print 'two'\n\ny = 1\n"])
def test_what_does_not_parse_is_lines_of_code(source: str) -> None:
    assert [kind for kind, _ in _blocks(source)] == ["code", "code"]


def test_the_text_is_the_source_and_places_are_its_lines() -> None:
    source = "# -*- coding: latin-1 -*-\nname = 'é'\n"
    extracted = load("a/b.py", source.encode("latin-1"))
    assert (extracted.text, extracted.title) == (source, "b.py")
    start = extracted.text.index("é")
    assert place(extracted.anchors, start, start + 1).line_start == 2


def test_an_unknown_coding_comment_is_named() -> None:
    with pytest.raises(LoadError, match="klingon"):
        load("a.py", b"# coding: klingon\nx = 1\n")
