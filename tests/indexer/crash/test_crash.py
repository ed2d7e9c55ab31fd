"""Short forms of the crash harness: nothing confirmed is lost, nothing is torn, no answer is wrong; and the harness
finds every fault that is planted. `python -m tests.indexer.crash FORM` runs the full forms."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from indexer.errors import DataFolderUnusable
from indexer.verify import verify
from tests.indexer.crash import cuts, faults, kills, load, sequences
from tests.indexer.crash.bugs import FOUND_BY_CUTS, FOUND_BY_FAULTS, planted
from tests.indexer.crash.disk import Disk
from tests.indexer.crash.layer import Call
from tests.indexer.crash.model import open_index
from tests.indexer.crash.settings import quick_settings
from tests.indexer.crash.workload import Runner

MEMORY = Path("/dev/shm")


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """A folder in memory where the system has one: what is tested is the order of calls, not the disk."""
    if not MEMORY.is_dir():
        yield tmp_path
        return
    import tempfile

    with tempfile.TemporaryDirectory(dir=MEMORY) as name:
        yield Path(name)


@pytest.fixture(autouse=True)
def _settings() -> Iterator[None]:
    with quick_settings():
        yield


def test_a_killed_process_loses_nothing_that_it_confirmed(folder: Path) -> None:
    assert [p for problems in kills.kill_often(1, folder / "data", 20) for p in problems] == []


def test_a_power_cut_loses_nothing_that_was_confirmed(folder: Path) -> None:
    outcomes = itertools.chain.from_iterable(cuts.cut_history(seed, folder) for seed in range(5))
    assert [p for problems in outcomes for p in problems] == []


def test_a_failing_disk_is_told_and_costs_no_more_than_the_step_it_fails_in(folder: Path) -> None:
    assert [
        p for seed in range(2) for problems in faults.fail_each(seed, folder / str(seed), 60) for p in problems
    ] == []


@pytest.mark.parametrize("name", FOUND_BY_CUTS)
def test_cuts_find_a_planted_fault(name: str, folder: Path) -> None:
    with planted(FOUND_BY_CUTS[name]):
        outcomes = itertools.chain.from_iterable(cuts.cut_history(seed, folder / str(seed), 30) for seed in range(6))
        assert any(outcomes)


@pytest.mark.parametrize("name", FOUND_BY_FAULTS)
def test_faults_find_a_planted_fault(name: str, folder: Path) -> None:
    with planted(FOUND_BY_FAULTS[name]):
        assert any(any(faults.fail_each(seed, folder / str(seed), 60)) for seed in (7, 5, 2))


def test_after_any_history_the_index_equals_one_made_afresh(folder: Path) -> None:
    assert [p for problems in sequences.histories(0, 30, folder) for p in problems] == []


def test_searches_are_right_while_the_vector_index_is_removed_under_them(folder: Path) -> None:
    n_searches, problems = load.search_under_removal(0, folder, 0.5)
    assert problems == []
    assert n_searches > 0


def test_a_full_disk_still_lets_documents_be_deleted_and_takes_new_ones_after(folder: Path) -> None:
    ids = faults.filled(folder, 20)
    with faults.full_disk(folder), open_index(folder) as index:
        for document_id in ids[:10]:
            index.remove(document_id)
        assert index.add("new.txt", b"alpha beta").path == "new.txt"
        assert [hit.path for hit in index.search("alpha", mode="bm25").hits] == ["new.txt"]
    assert verify(folder).ok


def test_a_full_disk_refuses_what_is_new_and_keeps_what_is_there(folder: Path) -> None:
    faults.filled(folder, 3)
    with faults.full_disk(folder):
        runner = Runner(folder)
        with pytest.raises(DataFolderUnusable, match="free space"):
            runner.index.add("new.txt", b"beta " * 5000)
        there = [document.path for document in runner.index.documents()]
        runner.close()
    assert there == ["0.txt", "1.txt", "2.txt"]
    with open_index(folder) as index:
        assert [document.path for document in index.documents()] == there
    assert verify(folder).ok


def test_without_the_reserve_a_full_disk_refuses_the_delete(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("indexer.reserve.Reserve.give_up", lambda self: None)
    ids = faults.filled(folder, 20)
    with faults.full_disk(folder):
        runner = Runner(folder)
        with pytest.raises(DataFolderUnusable, match="free space"):
            runner.index.remove(ids[0])
        runner.close()


# The disk of the power cuts, given calls whose outcome is known.


def images(calls: list[Call], n: int = 200) -> set[tuple[tuple[str, bytes], ...]]:
    """The images that a cut after these calls can leave."""
    disk = Disk()
    for call in calls:
        disk.apply(call)
    return {tuple(sorted(disk.cut(random.Random(seed)).items())) for seed in range(n)}


WRITTEN = [Call("create", "/d/a"), Call("write", "/d/a", 0, b"x" * 512 + b"y" * 512)]


def test_what_was_synced_with_its_name_is_always_there() -> None:
    synced = [*WRITTEN, Call("sync", "/d/a"), Call("sync_folder", "/d")]
    assert images(synced) == {(("/d/a", b"x" * 512 + b"y" * 512),)}


def test_what_was_not_synced_may_be_lost_kept_or_torn_by_sectors() -> None:
    contents = {dict(image).get("/d/a") for image in images([*WRITTEN, Call("sync_folder", "/d")])}
    assert contents == {b"", b"x" * 512, bytes(512) + b"y" * 512, b"x" * 512 + b"y" * 512}


def test_a_rename_that_was_not_synced_leaves_the_old_name_or_the_new_one() -> None:
    moved = [*WRITTEN, Call("sync", "/d/a"), Call("sync_folder", "/d"), Call("rename", "/d/a", target="/d/b")]
    assert {tuple(dict(image)) for image in images(moved)} == {("/d/a",), ("/d/b",)}
