"""`studygpt index`, `search` and `status` end to end on a temporary folder, with a fake embedder."""

from __future__ import annotations

import io
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from api.cli_index import Bar, in_all, show_sync
from api.console import console
from indexer.index import Index
from indexer.types import Failure, InPart, Progress, SyncReport
from indexer.watch import Happened
from tests.api.cli_case import Run, run
from tests.indexer.fakes import HashEmbedder

__all__ = ["run"]
TEA = "# Tea\n\nGreen tea is brewed at eighty degrees.\n"
SYNC_KEYS = ["files", "added", "updated", "renamed", "removed", "unchanged", "failed", "in_part", "chunks", "embedded",
             "seconds"]  # fmt: skip
HIT_KEYS = ["chunk_id", "document_id", "path", "text", "score", "page", "line_start", "cell"]


@pytest.fixture
def notes() -> Path:
    """A folder `notes` in the current one: a note, a text, and a PDF that is none."""
    folder = Path("notes")
    folder.mkdir()
    (folder / "tea.md").write_text(TEA, encoding="utf-8")
    (folder / "coffee.txt").write_text("Coffee is brewed hotter.\n", encoding="utf-8")
    (folder / "broken.pdf").write_bytes(b"%PDF-1.4 truncated")
    return folder


@pytest.fixture
def run_here(run: Run, notes: Path) -> Run:
    return run


def test_index_reports_what_it_did_as_one_json_object(run_here: Run) -> None:
    report = run_here("index", "notes", "--json").json
    assert list(report) == SYNC_KEYS
    assert (report["files"], report["added"], report["chunks"], report["embedded"]) == (3, 2, 2, 2)
    (failure,) = report["failed"]
    assert failure["path"] == "notes/broken.pdf"
    assert failure["reason"]


def test_the_second_run_embeds_nothing_and_a_change_only_itself(run_here: Run, notes: Path) -> None:
    run_here("index", "notes")
    again = run_here("index", "notes", "--json").json
    assert (again["unchanged"], again["embedded"], again["added"]) == (2, 0, 0)
    (notes / "tea.md").write_text(TEA + "\nWhite tea is cooler.\n", encoding="utf-8")
    (notes / "coffee.txt").unlink()
    changed = run_here("index", "notes", "--json").json
    assert (changed["updated"], changed["removed"], changed["embedded"]) == (1, 1, 1)


def test_watching_tells_each_change_and_ends_with_the_sum(
    run_here: Run, notes: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def story(paths: list[Path], stop: threading.Event) -> Iterator[Happened]:
        yield Happened()
        (notes / "mate.md").write_text("Mate is brewed at seventy degrees.\n", encoding="utf-8")
        (notes / "coffee.txt").unlink()
        yield Happened(lost=True)
        raise KeyboardInterrupt

    monkeypatch.setattr("indexer.watch.happenings", story)
    outcome = run_here("index", "--watch", "notes", "--json")
    assert outcome.status == 0
    assert list(outcome.json) == SYNC_KEYS
    assert (outcome.json["added"], outcome.json["removed"], len(outcome.json["failed"])) == (3, 1, 1)
    assert "3 files: 2 added, 1 failed" in outcome.err
    assert "1 added, 1 removed, 1 unchanged, 1 failed" in outcome.err


def test_people_read_a_summary_and_every_failure_by_name_and_reason(run_here: Run) -> None:
    outcome = run_here("index", "notes", "--collection", "drinks")
    first, second, *rest = outcome.out.splitlines()
    assert first == "3 files: 2 added, 1 failed"
    assert second.startswith("2 passages in collection drinks, 2 embedded, ")
    assert " ".join(rest).startswith("could not read notes/broken.pdf: ")


def test_a_document_that_was_read_in_part_is_named_with_what_is_missing(run_here: Run, notes: Path) -> None:
    (notes / "paper.tex").write_text("Words.\n\\input{one}\n", encoding="utf-8")
    (document,) = run_here("index", "notes", "--json").json["in_part"]
    assert document["path"] == "notes/paper.tex"
    assert document["notices"][0].startswith('includes "one": ')
    out = " ".join(run_here("index", "notes").out.split())
    assert '1 of the files read in part read in part notes/paper.tex: includes "one": not a part of' in out
    assert run_here("status", "--json").json["n_in_part"] == 1


def test_of_many_documents_read_in_part_the_first_are_told_and_the_others_counted() -> None:
    stream = io.StringIO()
    in_part = tuple(InPart(f"{n}.pdf", ("page 1 is an image", "1 attached file not read")) for n in range(13))
    show_sync(console(stream), SyncReport(files=13, in_part=in_part), "default")
    lines = stream.getvalue().splitlines()
    assert lines[2] == "13 of the files read in part"
    assert lines[3] == "read in part 0.pdf: page 1 is an image; 1 attached file not read"
    assert lines[-2:] == ["read in part 9.pdf: page 1 is an image; 1 attached file not read",
                          "... and 3 more, which --json names"]  # fmt: skip
    assert in_all([SyncReport(in_part=in_part[:1]), SyncReport(in_part=in_part[:2])]).in_part == in_part[:2]


def test_a_folder_that_does_not_exist_is_named_and_nothing_is_changed(run_here: Run) -> None:
    run_here("index", "notes")
    assert "nowhere" in run_here("index", "notes", "nowhere", "--json").complaint
    assert run_here("status", "--json").json["n_documents"] == 2


def test_an_empty_folder_empties_the_collection_and_says_so(run_here: Run) -> None:
    Path("empty").mkdir()
    run_here("index", "notes")
    assert run_here("index", "empty").out.startswith("0 files: 2 removed")
    assert run_here("index", "empty").out.startswith("0 files: none of a known format")


def test_a_data_folder_that_another_process_holds_is_named(run_here: Run, tmp_path: Path) -> None:
    with Index.open(tmp_path / "data", embedder=HashEmbedder()):
        assert str(tmp_path / "data") in run_here("index", "notes").complaint


def test_search_gives_hits_as_one_json_object(run_here: Run) -> None:
    run_here("index", "notes")
    hits = run_here("search", "green tea", "--n", "1", "--json").json["hits"]
    assert [list(hit) for hit in hits] == [HIT_KEYS]
    assert hits[0]["path"] == "notes/tea.md"
    assert (hits[0]["page"], hits[0]["cell"], hits[0]["line_start"]) == (None, None, 1)


def test_people_read_score_source_place_and_text(run_here: Run) -> None:
    run_here("index", "notes")
    out = run_here("search", "green tea", "--mode", "bm25").out
    assert "Tea (notes/tea.md), lines 1-3" in out
    assert "  # Tea Green tea is brewed at eighty degrees." in out


def test_a_search_without_hits_says_so(run_here: Run) -> None:
    run_here("index", "notes")
    assert run_here("search", "zebra", "--mode", "bm25").out == "nothing found\n"
    assert run_here("search", "zebra", "--mode", "bm25", "--json").json == {"hits": []}


@pytest.mark.parametrize(
    ("argv", "says"),
    [
        (["search", ""], "the question is empty"),
        (["search", "tea", "--collection", "food"], "no collection named 'food'; those that exist: drinks"),
    ],
)
def test_a_search_that_cannot_be_made_is_one_line(run_here: Run, argv: list[str], says: str) -> None:
    run_here("index", "notes", "--collection", "drinks")
    assert says in run_here(*argv).complaint


def test_a_search_of_an_empty_index_names_the_remedy(run: Run) -> None:
    assert run("search", "tea").complaint == "the index is empty; index something first: studygpt index FOLDER"


def test_status_counts_what_the_data_folder_holds(run_here: Run, tmp_path: Path) -> None:
    run_here("index", "notes", "--collection", "drinks")
    status = run_here("status", "--json").json
    assert status["data_dir"] == str(tmp_path / "data")
    assert (status["n_documents"], status["n_chunks"], status["embedding_model"]) == (2, 2, "hash")
    assert status["collections"] == [{"name": "drinks", "n_documents": 2, "n_chunks": 2}]
    assert "drinks" in run_here("status").out


def test_the_bar_counts_files_and_tells_of_embedding_in_words() -> None:
    told: list[tuple[str, int, int]] = []
    bar = Bar(lambda *at: told.append(at))
    bar(Progress("scan", 0, 0, "a.md"))
    bar(Progress("read", 3, 9, "a.md"))
    bar(Progress("embed", 5, 80, "a.md"))
    bar(Progress("commit", 1, 1, "a.md"))
    assert told == [("a.md", 0, 0), ("a.md", 3, 9), ("embedding 5/80", 3, 9), ("a.md", 3, 9)]


def test_a_file_name_cannot_move_the_cursor() -> None:
    stream = io.StringIO()
    report = SyncReport(files=1, failed=(Failure("a\x1b[2J\n.pdf", "[red]damaged[/red]"),))
    show_sync(console(stream), report, "default")
    assert "could not read a�[2J .pdf: [red]damaged[/red]" in stream.getvalue()


def test_a_long_path_stays_on_one_line_to_be_copied() -> None:
    stream, path = io.StringIO(), "/".join(["notes"] * 60) + "/a b.pdf"
    report = SyncReport(files=2, failed=(Failure(path, "damaged"),), in_part=(InPart(path, ("page 1 is an image",)),))
    show_sync(console(stream), report, "default")
    lines = stream.getvalue().splitlines()
    assert f"could not read {path}: damaged" in lines
    assert f"read in part {path}: page 1 is an image" in lines


def test_a_long_path_that_is_found_stays_on_one_line(run_here: Run, notes: Path) -> None:
    folder = notes / "a long name of a folder" / "another long name of a folder" / "and yet another long one"
    folder.mkdir(parents=True)
    (folder / "whisky.md").write_text("# Whisky\n\nWhisky is not brewed but distilled.\n", encoding="utf-8")
    run_here("index", "notes")
    (line,) = (line for line in run_here("search", "whisky").out.splitlines() if "whisky.md" in line)
    assert str(folder / "whisky.md") in line
