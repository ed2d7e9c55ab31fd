from __future__ import annotations

import pytest

from indexer.chunk import chunk
from indexer.headings import heading_words
from indexer.loaders.source import load
from indexer.loaders.source_languages import LANGUAGES


def _symbols(suffix: str, text: str) -> list[tuple[int, str]]:
    extracted = load("x" + suffix, text.encode())
    return [(b.level, heading_words(extracted.text[b.start : b.end])) for b in extracted.blocks if b.kind == "heading"]


@pytest.mark.parametrize(
    ("suffix", "text", "symbols"),
    [
        (".c", "static int add(int a,\n        int b)\n{\n  return f(a);\n}\nstruct point {\n  int x;\n};\nint x = f(1);\n",
         [(5, "static int add(int a, int b)"), (5, "struct point")]),
        (".cpp", "class A : public B {\n public:\n  A(int x) : x_(x) {}\n  void run() const {\n    if (x) {\n    }\n  }\n};\n",
         [(5, "class A : public B"), (6, "A(int x) : x_(x) {}"), (6, "void run() const")]),
        (".java", "public class A<T> extends B {\n    @Override\n    public int get(int i) {\n        return i;\n    }\n}\n",
         [(5, "public class A<T> extends B"), (6, "public int get(int i)")]),
        (".js", "export default class A {\n  async run(x) {\n    if (x) {\n    }\n  }\n}\n"
         "export const f = (a, b) => {\n}\nfunction g() {}\n",
         [(5, "export default class A"), (6, "async run(x)"), (5, "export const f = (a, b) =>"), (5, "function g() {}")]),
        (".ts", "export interface P {\n  x: number;\n}\ntype Q = P | null;\n",
         [(5, "export interface P"), (5, "type Q = P | null;")]),
        (".go", "package a\n\nfunc (s *Server) Run(x int) error {\n}\ntype P struct {\n}\n",
         [(5, "func (s *Server) Run(x int) error"), (5, "type P struct")]),
        (".rs", "#[derive(Debug)]\npub struct P;\nimpl P {\n    pub fn new() -> Self {\n    }\n}\n",
         [(5, "impl P"), (6, "pub fn new() -> Self")]),
        (".sh", "run() {\n  echo\n}\nfunction stop {\n}\n", [(5, "run()"), (5, "function stop")]),
        (".jl", "function f(x)\nend\ng(x) = x^2\nstruct P\nend\n", [(5, "function f(x)"), (5, "g(x) = x^2"), (5, "struct P")]),
        (".r", "f <- function(x) {\n}\n", [(5, "f <- function(x)")]),
        (".sql", "create table t (\n  a int\n);\nSELECT 1;\n", [(5, "create table t ( a int );")]),
        (".rb", "class A\n  def run(x)\n  end\nend\n", [(5, "class A"), (6, "def run(x)")]),
        (".lua", "local function f(x)\nend\n", [(5, "local function f(x)")]),
        (".kt", "data class P(val x: Int) {\n    fun run() {\n    }\n}\n", [(5, "data class P(val x: Int)"), (6, "fun run()")]),
    ],
)  # fmt: skip
def test_definitions_are_headings(suffix: str, text: str, symbols: list[tuple[int, str]]) -> None:
    assert _symbols(suffix, text) == symbols


def test_a_comment_belongs_to_the_definition_below_it_and_else_stands_alone() -> None:
    extracted = load(
        "x.c",
        b"// What this file is for.\n\nint a;\n\n/* Adds\n * two. */\nint add(int a) {\n  // inside\n  return a;\n}\n",
    )
    kinds = [(block.kind, extracted.text[block.start : block.end].strip()) for block in extracted.blocks]
    assert kinds == [
        ("paragraph", "// What this file is for."),
        ("code", "int a;"),
        ("heading", "/* Adds\n * two. */\nint add(int a) {"),
        ("code", "// inside\n  return a;\n}"),
    ]
    assert heading_words(kinds[2][1]) == "int add(int a)"


def test_a_chunk_stands_under_its_class_and_method() -> None:
    text = (
        "class A {\n  int one() {\n"
        + "    call();\n" * 30
        + "  }\n  int two() {\n"
        + "    other();\n" * 30
        + "  }\n}\n"
    )
    chunks = chunk(load("x.java", text.encode()), count_tokens=lambda t: len(t.split()), budget_tokens=30)
    assert {c.headings for c in chunks if "other" in c.text} == {("class A", "int two()")}


def test_what_looks_like_a_definition_in_a_comment_is_none() -> None:
    assert _symbols(".js", "/*\nfunction no() {\n*/\n// function nor() {\nfunction yes() {\n}\n") == [
        (5, "function yes()")
    ]


@pytest.mark.parametrize("suffix", sorted(LANGUAGES))
def test_every_language_keeps_the_text_as_it_stands(suffix: str) -> None:
    text = "/* a\n// b\n-- c\n# d\n%{ e\n  f(x) {\n  }\n=begin\n"
    extracted = load("x" + suffix, text.encode())
    assert extracted.text == text
    assert extracted.title == "x" + suffix
    assert "".join(extracted.text[block.start : block.end] for block in extracted.blocks) == text
