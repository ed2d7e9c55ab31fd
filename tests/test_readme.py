"""What the README and the docs name exists, and what exists is named: commands, settings, targets, paths."""

from __future__ import annotations

import argparse
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from api.app import create_app
from api.cli import make_parser
from api.settings import ENV_PREFIX, Settings

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")), ROOT / "deploy" / "runbook.md"]
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
MADE_BY_THE_USER = {"deploy/.env"}
TOP_FOLDERS = ("api", "deploy", "docs", "gpt", "indexer", "rag", "tests")


def code(text: str) -> list[str]:
    """Everything set as code, line by line: fenced and indented blocks and inline spans, comments cut off."""
    fenced = re.findall(r"^```\w*\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    prose = re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)
    pieces = [*"".join(fenced).splitlines(), *re.findall(r"^    (.*)", prose, re.MULTILINE), *re.findall(r"`([^`\n]+)`", prose)]
    return [piece.partition(" #")[0].strip() for piece in pieces]


def commands_named(text: str) -> set[tuple[str, ...]]:
    """The lower-case words after `studygpt` in code, up to the first option or placeholder: ("eval", "reader")."""
    found = set()
    for line in code(text):
        for words in re.findall(r"(?:^|&& |-- )studygpt((?: [a-z][a-z0-9]*)+)", line):
            found.add(tuple(words.split()))
    return found


def commands_of(parser: argparse.ArgumentParser, prefix: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Every command that has no further subcommands, as its words; a first argument with fixed choices is a word."""
    first = next((action for action in parser._actions if not action.option_strings), None)
    if isinstance(first, argparse._SubParsersAction):
        for name, child in first.choices.items():
            yield from commands_of(child, (*prefix, name))
    elif first is not None and first.choices:
        yield from ((*prefix, str(choice)) for choice in first.choices)
    else:
        yield prefix


def options_of(parser: argparse.ArgumentParser) -> set[str]:
    """Every `--option` of the parser and of its subcommands."""
    found = {option for action in parser._actions for option in action.option_strings}
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            found |= set().union(*(options_of(child) for child in action.choices.values()))
    return found


def missing_paths(text: str, folder: Path) -> list[str]:
    """Relative links, and paths in code that start with one of our folders, which lead nowhere."""
    links = [link.partition("#")[0] for link in re.findall(r"\]\(([^)\s]+)\)", text) if "://" not in link]
    missing = [link for link in links if link and not (folder / link).exists()]
    paths = [span for span in code(text) if re.fullmatch(rf"(?:{'|'.join(TOP_FOLDERS)})/[\w./-]*", span)]
    return missing + [path for path in paths if not (ROOT / path).exists() and path not in MADE_BY_THE_USER]


def targets_and_variables(text: str) -> tuple[set[str], set[str]]:
    """The targets and the variables of every `make` command in code."""
    targets, variables = set(), set()
    for line in code(text):
        for command in re.findall(r"(?:^|&& )make((?: [\w./=~:-]+)+)", line):
            for word in shlex.split(command):
                name, equals, _ = word.partition("=")
                (variables if equals else targets).add(name)
    return targets, variables


def test_the_readme_opens_with_the_two_commands() -> None:
    first_block = re.findall(r"```sh\n(.*?)```", README, re.DOTALL)[0]
    assert [line.partition(" #")[0].strip() for line in first_block.splitlines()] == ["make run", "make test"]
    assert README.index(first_block) < 100


def test_every_command_the_pages_name_exists() -> None:
    known = set(commands_of(make_parser()))
    for page in PAGES:
        named = commands_named(page.read_text(encoding="utf-8"))
        unknown = {words for words in named if not any(command[: len(words)] == words for command in known)}
        unknown -= {words for words in unknown if any(words[: len(command)] == command for command in known)}
        assert unknown == set(), page.name


def test_the_readme_names_every_command() -> None:
    named = commands_named(README)
    assert {c for c in commands_of(make_parser()) if not any(words[: len(c)] == c for words in named)} == set()


def test_every_option_the_readme_names_exists() -> None:
    named = set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", "\n".join(line for line in code(README) if "pip" not in line)))
    assert named <= options_of(make_parser())


def test_the_readme_names_every_setting_and_its_default() -> None:
    rows = dict(re.findall(rf"^\| `({ENV_PREFIX}\w+)` \| (.*?) \|", README, re.MULTILINE))
    fields = {f"{ENV_PREFIX}{name.upper()}": field for name, field in Settings.model_fields.items()}
    assert set(rows) == set(fields)
    stated = {name: default.strip("`") for name, default in rows.items() if default.startswith("`")}
    assert stated == {name: str(fields[name].default) for name in stated}


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.name)
def test_a_page_names_only_settings_that_exist(page: Path) -> None:
    known = {f"{ENV_PREFIX}{name.upper()}" for name in Settings.model_fields}
    assert set(re.findall(rf"{ENV_PREFIX}[A-Z_]*[A-Z]", page.read_text(encoding="utf-8"))) <= known


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.name)
def test_every_path_and_link_of_a_page_leads_somewhere(page: Path) -> None:
    assert missing_paths(page.read_text(encoding="utf-8"), page.parent) == []


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.name)
def test_every_make_target_and_variable_of_a_page_exists(page: Path) -> None:
    targets, variables = targets_and_variables(page.read_text(encoding="utf-8"))
    assert targets <= set(re.findall(r"^([a-z]+):", MAKEFILE, re.MULTILINE))
    assert variables <= set(re.findall(r"^([A-Z]+)\s*\?=", MAKEFILE, re.MULTILINE))


def test_the_readme_names_every_variable_of_the_makefile() -> None:
    assert [name for name in re.findall(r"^([A-Z]+)\s*\?=", MAKEFILE, re.MULTILINE) if f"`{name}`" not in README] == []


def example() -> tuple[str, str, str, Path, int]:
    """The README's cited answer: question, answer, the sentence it stands in, the file and the line."""
    block = re.findall(r"```text\n(.*?)```", README, re.DOTALL)[0]
    command, answer, _, *quoted, source = block.rstrip().splitlines()
    place = re.fullmatch(r".* \((.*)\), lines? (\d+).*", source.strip())
    assert place is not None, source
    return command.split('"')[1], answer, " ".join(" ".join(quoted).split()), ROOT / place[1], int(place[2])


def test_the_cited_answer_stands_where_the_readme_says() -> None:
    _, answer, sentence, path, line = example()
    lines = path.read_text(encoding="utf-8").splitlines()
    assert answer in lines[line - 1]
    assert answer in sentence
    assert sentence in " ".join(" ".join(lines).split())


@pytest.mark.slow
def test_the_released_model_gives_the_cited_answer(tmp_path: Path) -> None:
    from rag.assemble import assemble
    from rag.types import Question

    question, answer, _, path, line = example()
    assistant = assemble(tmp_path)
    try:
        assistant.index.sync([ROOT / "api" / "sample_notes"])
        given = assistant.pipeline.answer(Question(question))
    finally:
        assistant.close()
    assert (given.answer, given.verified) == (answer, True)
    assert [(Path(cited.path).name, cited.line_start) for cited in given.citations] == [(path.name, line)]


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.name)
def test_every_route_of_a_page_exists(page: Path) -> None:
    routes = create_app(Settings()).openapi()["paths"].keys() | {"/openapi.json"}
    spans = [span.removeprefix("POST ").removeprefix("GET ") for span in code(page.read_text(encoding="utf-8"))]
    named = {span for span in spans if re.match(r"/(v1/|healthz|readyz|metrics|openapi\.json)", span)}
    assert named <= routes


def test_every_package_stands_in_the_map() -> None:
    assert [name for name in TOP_FOLDERS if f"| [{name}]({name}) |" not in README] == []


# The checks themselves, given a page that is wrong.


def test_commands_are_found_in_spans_and_blocks() -> None:
    page = "Run `studygpt ask QUESTION`.\n\n```sh\nstudygpt eval reader FILE  # scores\n```\n"
    assert commands_named(page) == {("ask",), ("eval", "reader")}


def test_a_parser_is_walked_to_its_leaves() -> None:
    parser = argparse.ArgumentParser()
    commands = parser.add_subparsers()
    commands.add_parser("ask").add_argument("--json", action="store_true")
    commands.add_parser("eval").add_subparsers().add_parser("reader")
    commands.add_parser("train").add_argument("stage", choices=("reading", "all"))
    assert set(commands_of(parser)) == {("ask",), ("eval", "reader"), ("train", "reading"), ("train", "all")}
    assert options_of(parser) == {"-h", "--help", "--json"}


def test_a_dead_link_and_a_dead_path_are_found() -> None:
    page = "See [there](nowhere.md), [here](README.md#top), [web](https://example.org) and `gpt/nothing.py`."
    assert missing_paths(page, ROOT) == ["nowhere.md", "gpt/nothing.py"]


def test_make_commands_are_taken_apart() -> None:
    assert targets_and_variables("`make run DOCS=../notes PORT=1` or\n\n    git pull && make env\n") == (
        {"run", "env"},
        {"DOCS", "PORT"},
    )
