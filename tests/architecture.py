"""The architecture's rules as functions from source files to complaints; `test_architecture.py` applies them.

A complaint is one line that names the file (and the line, where there is one) and what is wrong.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath

PACKAGES = ("gpt", "indexer", "rag", "api")
MAY_IMPORT = {
    "gpt": {"gpt"},
    "indexer": {"indexer"},
    "rag": {"rag", "gpt", "indexer"},
    "api": {"api", "rag", "gpt", "indexer"},
}
MAX_FILE_LINES, MAX_FUNCTION_LINES, MAX_PARAMETERS = 400, 60, 6
ONLY_IN = {  # module (its top name) -> the files that may import it
    "faiss": r"indexer/vectors\.py",
    "apsw": r"indexer/.*|gpt/distant\.py",
    "sentence_transformers": r"indexer/embed\.py",
    "pydantic": r"api/.*",
    "pydantic_settings": r"api/.*",
    "fastapi": r"api/.*",
    "starlette": r"api/.*",
    "uvicorn": r"api/.*",
}
PICKLERS = {"pickle", "cPickle", "_pickle", "dill", "cloudpickle", "joblib", "marshal", "shelve"}
PICKLING_CALLS = {"torch.load", "torch.save"}
VAGUE_NAMES = {"utils", "util", "common", "helpers", "misc"}

Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class Source:
    """One Python file: its path from the repository's root, with slashes, and its text."""

    path: str
    text: str

    @property
    def module(self) -> str:
        """The dotted name it is imported by."""
        return ".".join(part for part in PurePosixPath(self.path).with_suffix("").parts if part != "__init__")

    @cached_property
    def tree(self) -> ast.Module:
        return ast.parse(self.text, self.path)


def read_sources(root: Path) -> list[Source]:
    """Every Python file of the four packages."""
    paths = sorted(path for package in PACKAGES for path in (root / package).rglob("*.py"))
    return [Source(path.relative_to(root).as_posix(), path.read_text(encoding="utf-8")) for path in paths]


def imports(source: Source, tree: ast.AST | None = None) -> Iterator[tuple[int, str]]:
    """(line, absolute dotted name) of all that the file, or that part of its tree, imports; relative ones resolved."""
    package = source.module if source.path.endswith("__init__.py") else source.module.rpartition(".")[0]
    for node in ast.walk(tree or source.tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
            prefix = ".".join([*base, *([node.module] if node.module else [])])
            yield from ((node.lineno, f"{prefix}.{alias.name}") for alias in node.names)


def top(name: str) -> str:
    return name.partition(".")[0]


def wrong_way_imports(sources: Iterable[Source]) -> list[str]:
    """Imports point one way: api -> rag -> {indexer, gpt}; indexer and gpt are strangers."""
    return [
        f"{source.path}:{line} imports {name}"
        for source in sources
        for line, name in imports(source)
        if top(name) in PACKAGES and top(name) not in MAY_IMPORT[top(source.module)]
    ]


def matchmakers(sources: Iterable[Source]) -> list[str]:
    """The files of rag that name both indexer and gpt; only `assemble.py` should."""
    return [
        source.path
        for source in sources
        if top(source.module) == "rag" and {"indexer", "gpt"} <= {top(name) for _, name in imports(source)}
    ]


def misplaced_imports(sources: Iterable[Source]) -> list[str]:
    """Libraries that belong to one place, imported in another; and everything that can pickle, imported anywhere."""
    return [
        f"{source.path}:{line} imports {name}"
        for source in sources
        for line, name in imports(source)
        if top(name) in PICKLERS or not re.fullmatch(ONLY_IN.get(top(name), ".*"), source.path)
    ]


def pickling_calls(sources: Iterable[Source]) -> list[str]:
    """Calls that pickle without importing it: torch.load, torch.save, and allow_pickle=True."""
    found = []
    for source in sources:
        for node in ast.walk(source.tree):
            if not isinstance(node, ast.Call):
                continue
            allowed = any(
                key.arg == "allow_pickle" and not (isinstance(key.value, ast.Constant) and key.value.value is False)
                for key in node.keywords
            )
            if allowed or (isinstance(node.func, ast.Attribute) and ast.unparse(node.func) in PICKLING_CALLS):
                found.append(f"{source.path}:{node.lineno} {ast.unparse(node.func)}")
    return found


def environment_readers(sources: Iterable[Source]) -> list[str]:
    """Files that touch the environment; only `api/settings.py` should."""
    names = {"os.environ", "os.environb", "os.getenv", "os.putenv"}
    return sorted(
        {source.path for source in sources for _, name in imports(source) if name in names}
        | {
            source.path
            for source in sources
            for node in ast.walk(source.tree)
            if isinstance(node, ast.Attribute) and f"os.{node.attr}" in names and ast.unparse(node) in names
        }
    )


def oversized(sources: Iterable[Source]) -> list[str]:
    """Files and functions that are too long, and functions with too many parameters (self and cls not counted)."""
    found = []
    for source in sources:
        n_lines = len(source.text.splitlines())
        if n_lines > MAX_FILE_LINES:
            found.append(f"{source.path} has {n_lines} lines")
        for node in ast.walk(source.tree):
            if not isinstance(node, Function):
                continue
            length = (node.end_lineno or node.lineno) - node.lineno + 1
            if length > MAX_FUNCTION_LINES:
                found.append(f"{source.path}:{node.lineno} {node.name} has {length} lines")
            parameters = [a.arg for a in (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs)]
            n_parameters = len([name for name in parameters if name not in ("self", "cls")])
            if n_parameters > MAX_PARAMETERS:
                found.append(f"{source.path}:{node.lineno} {node.name} has {n_parameters} parameters")
    return found


def vague_names(sources: Iterable[Source]) -> list[str]:
    """Files and folders whose name says nothing about what lives there."""
    return [s.path for s in sources if VAGUE_NAMES & set(PurePosixPath(s.path).with_suffix("").parts)]


def broad_handlers(sources: Iterable[Source]) -> list[str]:
    """`except:`, `except Exception` and `except BaseException`, unless the handler ends by raising again."""
    found = []
    for source in sources:
        for node in ast.walk(source.tree):
            if not isinstance(node, ast.ExceptHandler) or isinstance(node.body[-1], ast.Raise):
                continue
            caught = node.type.elts if isinstance(node.type, ast.Tuple) else [node.type]
            if any(kind is None or ast.unparse(kind) in ("Exception", "BaseException") for kind in caught):
                found.append(f"{source.path}:{node.lineno}")
    return found


def import_cycles(sources: Iterable[Source]) -> list[list[str]]:
    """Groups of modules that import each other in a circle; imports for type checking alone are not counted."""
    by_module = {source.module: source for source in sources}
    graph: dict[str, set[str]] = {}
    for module, source in by_module.items():
        names = {name for _, name in imports(source, drop_type_checking(source.tree))}
        # `from a import b` names a.b: the module a.b if there is one, else something inside the module a.
        graph[module] = {name if name in by_module else name.rpartition(".")[0] for name in names} & by_module.keys()
    return [sorted(path) for path in circles(graph)]


def drop_type_checking(tree: ast.Module) -> ast.Module:
    """The module without its top-level `if TYPE_CHECKING:` blocks."""
    kept = [s for s in tree.body if not (isinstance(s, ast.If) and ast.unparse(s.test).endswith("TYPE_CHECKING"))]
    return ast.Module(kept, [])


def circles(graph: dict[str, set[str]]) -> Iterator[list[str]]:
    """Yields one circle of each knot of the graph, by depth-first search; a node's edge to itself is not a circle."""
    done: set[str] = set()

    def visit(node: str, path: list[str]) -> Iterator[list[str]]:
        if node in path:
            yield path[path.index(node) :]
            return
        if node in done:
            return
        done.add(node)
        for successor in sorted(graph[node] - {node}):
            yield from visit(successor, [*path, node])

    for node in sorted(graph):
        yield from visit(node, [])
