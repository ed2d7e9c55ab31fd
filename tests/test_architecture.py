"""The rules of docs/architecture.md hold, and each rule is able to fail."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests import architecture
from tests.architecture import Source

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="module")
def sources() -> list[Source]:
    return architecture.read_sources(ROOT)


def test_every_package_is_looked_at(sources: list[Source]) -> None:
    assert {architecture.top(source.module) for source in sources} == set(architecture.PACKAGES)


def test_imports_point_one_way(sources: list[Source]) -> None:
    assert architecture.wrong_way_imports(sources) == []


def test_only_assemble_knows_both_the_indexer_and_the_gpt(sources: list[Source]) -> None:
    assert architecture.matchmakers(sources) in ([], ["rag/assemble.py"])


def test_modules_do_not_import_each_other_in_a_circle(sources: list[Source]) -> None:
    assert architecture.import_cycles(sources) == []


def test_libraries_stay_in_their_place_and_nothing_pickles(sources: list[Source]) -> None:
    assert architecture.misplaced_imports(sources) == []
    assert architecture.pickling_calls(sources) == []


def test_only_the_settings_read_the_environment(sources: list[Source]) -> None:
    assert architecture.environment_readers(sources) in ([], ["api/settings.py"])


def test_files_and_functions_stay_small(sources: list[Source]) -> None:
    assert architecture.oversized(sources) == []


def test_no_file_has_a_name_that_says_nothing(sources: list[Source]) -> None:
    assert architecture.vague_names(sources) == []


def test_no_handler_swallows_every_error(sources: list[Source]) -> None:
    assert architecture.broad_handlers(sources) == []


def test_the_command_line_starts_without_the_heavy_libraries() -> None:
    heavy = "{'torch', 'faiss', 'sentence_transformers', 'transformers', 'scipy', 'matplotlib'}"
    program = f"import sys, api.cli; sys.exit(', '.join(sorted({heavy} & set(sys.modules))) or 0)"
    outcome = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False)
    assert outcome.returncode == 0, f"importing api.cli imports {outcome.stderr}"


# Each rule, given a file that breaks it.


def test_an_import_against_the_direction_is_found_even_inside_a_function() -> None:
    bad = [
        Source("gpt/model.py", "import rag.pipeline\n"),
        Source("indexer/index.py", "def f():\n    from gpt import model\n"),
        Source("rag/cite.py", "from api.settings import Settings\n"),
        Source("rag/fine.py", "from gpt import errors\nimport indexer.types\n"),
    ]
    assert architecture.wrong_way_imports(bad) == [
        "gpt/model.py:1 imports rag.pipeline",
        "indexer/index.py:2 imports gpt.model",
        "rag/cite.py:1 imports api.settings.Settings",
    ]


def test_a_relative_import_is_resolved() -> None:
    found = architecture.imports(Source("indexer/loaders/pdf.py", "from ..types import Anchor\nfrom . import html\n"))
    assert [name for _, name in found] == ["indexer.types.Anchor", "indexer.loaders.html"]


def test_a_second_matchmaker_is_found() -> None:
    both = "from gpt.reader import Reader\nfrom indexer.index import Index\n"
    assert architecture.matchmakers([Source("rag/assemble.py", both), Source("rag/answer.py", both)]) == [
        "rag/assemble.py",
        "rag/answer.py",
    ]


def test_a_circle_of_imports_is_found_and_one_for_types_alone_is_not() -> None:
    circle = [
        Source("rag/a.py", "from rag import b\n"),
        Source("rag/b.py", "from rag.c import name\n"),
        Source("rag/c.py", "import rag.a\n"),
    ]
    assert architecture.import_cycles(circle) == [["rag.a", "rag.b", "rag.c"]]
    for_types = "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import rag.a\n"
    assert architecture.import_cycles([*circle[:2], Source("rag/c.py", for_types)]) == []


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("indexer/index.py", "import faiss\n"),
        ("rag/types.py", "from pydantic import BaseModel\n"),
        ("indexer/store.py", "import pickle\n"),
        ("gpt/checkpoint.py", "from joblib import dump\n"),
    ],
)
def test_a_library_out_of_its_place_is_found(path: str, text: str) -> None:
    assert len(architecture.misplaced_imports([Source(path, text)])) == 1


def test_pickling_through_torch_or_numpy_is_found() -> None:
    text = "torch.save(model, path)\nnp.load(path, allow_pickle=True)\nnp.load(path, allow_pickle=False)\n"
    assert architecture.pickling_calls([Source("gpt/a.py", text)]) == ["gpt/a.py:1 torch.save", "gpt/a.py:2 np.load"]


@pytest.mark.parametrize("text", ["import os\nos.environ['A']\n", "from os import getenv\n", "os.environ.get('A')\n"])
def test_reading_the_environment_is_found(text: str) -> None:
    assert architecture.environment_readers([Source("gpt/a.py", text)]) == ["gpt/a.py"]


def test_long_files_long_functions_and_many_parameters_are_found() -> None:
    function = "def long(self, a, b, *, c, d, e, f):\n" + "    pass\n" * 60
    wide = "def wide(a, b, c, d, e, f, g): ...\n"
    assert architecture.oversized([Source("gpt/a.py", function + wide + "\n" * 340)]) == [
        "gpt/a.py has 402 lines",
        "gpt/a.py:1 long has 61 lines",
        "gpt/a.py:62 wide has 7 parameters",
    ]


@pytest.mark.parametrize("path", ["gpt/utils.py", "rag/helpers/text.py", "api/common.py"])
def test_a_vague_name_is_found(path: str) -> None:
    assert architecture.vague_names([Source(path, "")]) == [path]


@pytest.mark.parametrize(
    ("handler", "n_found"),
    [("except: pass", 1), ("except Exception: pass", 1), ("except (OSError, BaseException): pass", 1),
     ("except OSError: pass", 0), ("except BaseException:\n    undo()\n    raise", 0)],
)  # fmt: skip
def test_a_broad_handler_is_found_unless_it_raises_again(handler: str, n_found: int) -> None:
    assert len(architecture.broad_handlers([Source("gpt/a.py", f"try:\n    f()\n{handler}\n")])) == n_found
