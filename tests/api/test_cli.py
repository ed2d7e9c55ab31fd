"""The command line as a whole: help, wrong usage, errors in one line, JSON alone on stdout, clean exits."""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from api import cli, cli_index
from api.cli import explain, main, make_parser
from api.console import Report
from tests.api.cli_case import Run, run

__all__ = ["run"]
ROOT = Path(__file__).resolve().parents[2]


def parsers(parser: argparse.ArgumentParser) -> Iterator[argparse.ArgumentParser]:
    """The parsers of all commands, those of subcommands among them."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for child in action.choices.values():
                yield child
                yield from parsers(child)


def replace_status(monkeypatch: pytest.MonkeyPatch, behaviour: object) -> None:
    """Makes `studygpt status` do something else."""
    monkeypatch.setattr(cli_index, "run_status", behaviour)


def test_every_command_has_a_description_and_an_example() -> None:
    for parser in parsers(make_parser()):
        assert parser.description, parser.prog
        assert parser.epilog, parser.prog
        assert f"\n  {parser.prog.split(' {')[0]}" in parser.epilog, parser.prog


def test_every_example_parses() -> None:
    import shlex

    for parser in parsers(make_parser()):
        for line in (parser.epilog or "").splitlines():
            if line.startswith("  studygpt "):
                make_parser().parse_args(shlex.split(line)[1:])


def test_every_command_takes_the_common_options_before_and_after_its_name() -> None:
    before = make_parser().parse_args(["--json", "--data", "d", "status"])
    after = make_parser().parse_args(["status", "--json", "--data", "d"])
    assert (before.json, before.data) == (after.json, after.data) == (True, Path("d"))


def test_help_comes_at_once_because_nothing_heavy_is_imported() -> None:
    """Five times what it takes on an idle machine, less than importing torch takes on any."""
    started = time.perf_counter()
    outcome = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "api.cli", "--help"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert time.perf_counter() - started < 5
    assert "first steps:" in outcome.stdout
    imported = {line.rpartition("|")[2].strip() for line in outcome.stderr.splitlines()}
    assert not imported & {"torch", "numpy", "pydantic", "rich", "fastapi", "faiss", "apsw"}


@pytest.mark.parametrize(
    "argv",
    [
        [],
        ["fly"],
        ["index"],
        ["ask"],
        ["ask", "why?", "--n-evidence", "0"],
        ["search", "x", "--mode", "psychic"],
        ["eval"],
        ["eval", "reader"],
        ["status", "--data", ""],
        ["status", "--jso"],
        ["serve", "--port", "99999"],
        ["index", "x", "--collection", ""],
    ],
    ids=" ".join,
)
def test_wrong_usage_is_status_two_with_the_usage_on_stderr(run: Run, argv: list[str]) -> None:
    outcome = run(*argv)
    assert outcome.status == 2
    assert outcome.out == ""
    assert "usage: studygpt" in outcome.err


def test_help_is_status_zero_on_stdout(run: Run) -> None:
    outcome = run("ask", "--help")
    assert (outcome.status, outcome.err) == (0, "")
    assert "QUESTION" in outcome.out


def test_an_unknown_setting_is_one_line(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STUDYGPT_DATADIR", "x")
    assert "unknown setting STUDYGPT_DATADIR" in run("status").complaint


def test_a_setting_that_does_not_fit_is_one_line(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STUDYGPT_PORT", "many")
    assert "STUDYGPT_PORT='many' does not fit" in run("status").complaint


def test_a_data_folder_that_is_a_file_is_one_line(run: Run, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert str(tmp_path / "file") in run("status", "--data", str(tmp_path / "file")).complaint


def test_interrupting_ends_with_130_and_no_traceback(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(args: argparse.Namespace) -> None:
        raise KeyboardInterrupt

    replace_status(monkeypatch, interrupted)
    outcome = run("status")
    assert (outcome.status, outcome.out, outcome.err) == (130, "", "")


def test_a_fault_of_the_program_keeps_its_traceback(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def faulty(args: argparse.Namespace) -> None:
        raise ZeroDivisionError

    replace_status(monkeypatch, faulty)
    with pytest.raises(ZeroDivisionError):
        main(["status"])


def test_what_a_library_prints_never_reaches_stdout(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def chatty(args: argparse.Namespace) -> Report:
        sys.stdout.write("loading weights...\n")
        return Report({"ok": True}, lambda console: console.print("fine"))

    replace_status(monkeypatch, chatty)
    outcome = run("status", "--json")
    assert outcome.json == {"ok": True}
    assert outcome.err == "loading weights...\n"
    assert run("status").out == "fine\n"


def test_a_reader_that_hangs_up_is_no_error() -> None:
    """As in `studygpt --help | head -1`, with a pipe that is closed before anything is written."""
    program = (
        "import sys, api.cli, api.cli_index\n"
        "from api.console import Report\n"
        "api.cli_index.run_status = lambda args: Report({'text': 'x' * 1_000_000}, lambda console: None)\n"
        "sys.stdin.read()\n"
        "sys.exit(api.cli.main(['status', '--json']))\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", program], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert process.stdin is not None
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()
    process.stdin.close()
    assert process.stderr.read() == b""
    assert process.wait() == 0
    process.stderr.close()


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (FileNotFoundError(2, "No such file or directory", "notes\n.txt"), "notes .txt: No such file or directory"),
        (OSError("no space"), "no space"),
        (ValueError("two\n  lines \x1b[31m"), "two lines �[31m"),
        (OSError(), "OSError"),
    ],
)
def test_an_error_is_explained_on_one_line(error: Exception, line: str) -> None:
    assert explain(error) == line


def test_the_expected_errors_are_those_of_every_package() -> None:
    from api.settings import SettingsError
    from gpt.errors import CheckpointError
    from indexer.errors import DataFolderLocked
    from rag.errors import NothingIndexed

    for error in (SettingsError, CheckpointError, DataFolderLocked, NothingIndexed, PermissionError):
        assert issubclass(error, cli.expected_errors())
