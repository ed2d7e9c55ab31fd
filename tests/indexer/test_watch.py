"""Changes are seen, gathered and waited for; nothing is lost, and nothing is removed because a folder is away."""

from __future__ import annotations

import itertools
import os
import shutil
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from indexer import watch
from indexer.errors import IndexerError
from indexer.index import Index
from indexer.types import Progress, SyncReport
from indexer.watch import Follower, Happened, happenings, is_of_interest
from tests.indexer.fakes import HashEmbedder

TICK = Happened()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "notes"
    folder.mkdir()
    return folder


@pytest.fixture
def index(tmp_path: Path) -> Iterator[Index]:
    with Index.open(tmp_path / "data", embedder=HashEmbedder()) as index:
        yield index


@pytest.fixture(autouse=True)
def written_long_ago(monkeypatch: pytest.MonkeyPatch) -> None:
    """No file counts as being written, so that no test has to wait."""
    monkeypatch.setattr(watch, "QUIET_S", 0.0)


def at(*paths: Path) -> Happened:
    return Happened(frozenset(map(str, paths)))


def follow(index: Index, folder: Path, *happened: Happened | Callable[[], Happened]) -> list[str]:
    """Follows what happened, each after what leads to it was done; the words of each report and of each trouble."""
    told: list[str] = []

    def story() -> Iterator[Happened]:
        for each in happened:
            yield each if isinstance(each, Happened) else each()

    Follower(
        index, [folder], "default", lambda report: told.append(words(report)), lambda e: told.append(str(e))
    ).follow(story())
    return told


def words(report: SyncReport) -> str:
    names = ("added", "updated", "renamed", "removed")
    counts = [f"{getattr(report, name)} {name}" for name in names if getattr(report, name)]
    return ", ".join([*counts, *(f"{Path(f.path).name}: {f.reason}" for f in report.failed)])


def documents(index: Index) -> dict[str, str]:
    return {Path(d.path).name: index.text(d.document_id) for d in index.documents()}


def write(path: Path, text: str = "some words") -> Happened:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return at(path)


def test_everything_is_looked_at_first_then_what_changes(index: Index, folder: Path) -> None:
    write(folder / "a.md", "alpha")
    write(folder / "b.md", "beta")

    def rename() -> Happened:
        (folder / "a.md").rename(folder / "c.md")
        return at(folder / "a.md", folder / "c.md")

    def delete() -> Happened:
        (folder / "b.md").unlink()
        return at(folder / "b.md")

    told = follow(
        index,
        folder,
        TICK,
        TICK,
        lambda: write(folder / "d.md", "delta"),
        lambda: write(folder / "b.md", "other"),
        rename,
        delete,
    )
    assert told == ["2 added", "1 added", "1 updated", "1 renamed", "1 removed"]
    assert documents(index) == {"c.md": "alpha", "d.md": "delta"}


def test_folders_move_in_move_about_and_go(index: Index, folder: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    for name in ("x.md", "deep/y.md"):
        write(outside / name, name)

    def move(source: Path, target: Path) -> Happened:
        source.rename(target)
        return at(source, target)

    told = follow(
        index,
        folder,
        TICK,
        lambda: move(outside, folder / "in"),
        lambda: move(folder / "in", folder / "elsewhere"),
        lambda: move(folder / "elsewhere", tmp_path / "away"),
    )
    assert told == ["", "2 added", "2 renamed", "2 removed"]


def test_what_a_walk_leaves_out_a_change_leaves_out_too(index: Index, folder: Path, tmp_path: Path) -> None:
    secret = tmp_path / "secret.md"
    write(secret)
    write(folder / ".git" / "a.md")
    write(folder / "b.log")
    (folder / "link.md").symlink_to(secret)
    (folder / "linked").symlink_to(tmp_path)
    changes = [".git/a.md", "b.log", "link.md", "linked/secret.md", "../secret.md", "linked"]
    assert follow(index, folder, TICK, at(*(folder / name for name in changes)), at(secret)) == [""]
    assert index.documents() == ()


def test_a_file_with_two_names_is_judged_among_all(index: Index, folder: Path, tmp_path: Path) -> None:
    def link_inside() -> Happened:
        write(folder / "a.md")
        os.link(folder / "a.md", folder / "b.md")
        return at(folder / "b.md")

    def link_outside() -> Happened:
        write(tmp_path / "secret.md", "secret")
        os.link(tmp_path / "secret.md", folder / "c.md")
        return at(folder / "c.md")

    told = follow(index, folder, TICK, link_inside, link_outside)
    assert told[:2] == ["", "2 added"]
    assert told[2].startswith("c.md: has another name outside of the folder (a hard link)")
    assert "secret" not in documents(index).values()


def test_a_flood_or_a_loss_leads_to_a_look_at_everything(
    index: Index, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watch, "FLOOD", 5)

    def unnoticed(name: str, noticed: Happened) -> Happened:
        write(folder / name)
        return noticed

    many = at(*(folder / f"gone{i}.md" for i in range(6)))
    told = follow(index, folder, TICK, lambda: unnoticed("a.md", many), lambda: unnoticed("b.md", Happened(lost=True)))
    assert told == ["", "1 added", "1 added"]


def test_everything_is_looked_at_again_after_some_time(index: Index, folder: Path) -> None:
    now, told = [0.0], []

    def story() -> Iterator[Happened]:
        yield TICK
        write(folder / "unnoticed.md")
        yield TICK
        assert told == [""]
        now[0] = watch.LOOK_AGAIN_S + 1
        yield TICK

    follower = Follower(index, [folder], "default", lambda r: told.append(words(r)), pytest.fail, clock=lambda: now[0])
    follower.follow(story())
    assert told == ["", "1 added"]


def test_a_file_that_is_being_written_is_waited_for_but_not_for_ever(
    index: Index, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watch, "QUIET_S", 1000.0)
    now, told = [0.0], []

    def story() -> Iterator[Happened]:
        yield TICK
        yield write(folder / "log.md")
        (folder / "gone.md").unlink(missing_ok=True)
        yield at(folder / "gone.md")
        assert told == [""]
        now[0] = watch.MAX_WAIT_S + 1
        yield TICK

    Follower(index, [folder], "default", lambda r: told.append(words(r)), pytest.fail, clock=lambda: now[0]).follow(
        story()
    )
    assert told == ["", "1 added"]


def test_a_folder_that_is_away_removes_nothing_and_is_waited_for(index: Index, folder: Path, tmp_path: Path) -> None:
    write(folder / "a.md")
    now, told = [0.0], []

    def story() -> Iterator[Happened]:
        yield TICK
        folder.rename(tmp_path / "unmounted")
        yield at(folder)
        yield Happened(lost=True)
        assert len(index.documents()) == 1
        (tmp_path / "unmounted").rename(folder)
        write(folder / "b.md")
        now[0] += watch.RETRY_S
        yield TICK

    Follower(
        index, [folder], "default", lambda r: told.append(words(r)), lambda e: told.append(str(e)), clock=lambda: now[0]
    ).follow(story())
    assert told[0] == "1 added"
    assert all("does not exist" in each for each in told[1:-1])
    assert told[-1] == "1 added"


@dataclass
class Recorder:
    """An index that only remembers what it was asked."""

    asked: list[str] = field(default_factory=list)

    def sync(
        self, paths: Sequence[Path], *, collection: str, progress: Callable[[Progress], None] | None
    ) -> SyncReport:
        self.asked.append("everything")
        return SyncReport()

    def refresh(
        self,
        paths: Sequence[Path],
        changed: Sequence[str],
        *,
        collection: str,
        progress: Callable[[Progress], None] | None,
    ) -> SyncReport:
        self.asked.append(" ".join(sorted(Path(path).name for path in changed)))
        return SyncReport()


def test_changes_are_gathered_and_hidden_or_unknown_ones_ask_nothing(folder: Path) -> None:
    index = Recorder()
    write(folder / "app.log")
    told: list[SyncReport] = []
    Follower(index, [folder], "default", told.append, pytest.fail).follow(
        [
            TICK,
            at(folder / "a.md", folder / "b.md"),
            at(folder / ".hidden"),
            at(folder / "app.log"),
            at(folder / "b.md"),
        ]
    )
    assert index.asked == ["everything", "a.md b.md", "b.md"]
    assert len(told) == 1  # the first report tells that it has begun; the others had nothing to tell


def test_only_what_may_matter_is_of_interest(folder: Path) -> None:
    (folder / "sub.d").mkdir()
    write(folder / "a.log")
    names = ("a.md", "sub.d", "gone", "a.log", ".a.md", "A.PDF")
    assert [is_of_interest(str(folder / name)) for name in names] == [True, True, True, False, False, True]


def test_the_file_system_s_own_notices_arrive(index: Index, folder: Path) -> None:
    """The one test with the real source: an edit, a rename, and the whole folder replaced by another."""
    stop, seen = threading.Event(), threading.Event()
    found: list[dict[str, str]] = []
    errors: list[IndexerError] = []

    def told(_report: SyncReport) -> None:
        found.append(documents(index))
        seen.set()

    follower = Follower(index, [folder], "default", told, errors.append)
    thread = threading.Thread(target=lambda: follower.follow(happenings([folder], stop)))
    thread.start()

    def until(expected: dict[str, str]) -> None:
        deadline = time.monotonic() + 60
        while documents(index) != expected and time.monotonic() < deadline:
            seen.wait(0.05)
            seen.clear()
        assert documents(index) == expected

    try:
        assert seen.wait(60)
        write(folder / "a.md", "alpha")
        until({"a.md": "alpha"})
        (folder / "a.md").rename(folder / "b.md")
        until({"b.md": "alpha"})
        other = folder.parent / "other"
        write(other / "c.md", "gamma")
        shutil.rmtree(folder)
        other.rename(folder)
        until({"c.md": "gamma"})
        write(folder / "c.md", "delta")
        until({"c.md": "delta"})
    finally:
        stop.set()
        thread.join(30)
    assert not thread.is_alive()


def test_what_changes_between_two_watches_is_looked_for(folder: Path) -> None:
    stop = threading.Event()
    source = happenings([folder], stop)
    try:
        assert not next(source).lost
        folder.rename(folder.parent / "away")
        folder.mkdir()
        assert any(happened.lost for happened in itertools.islice(source, 20))  # now nothing is watched
        write(folder / "a.md", "alpha")
        assert any(happened.lost for happened in itertools.islice(source, 20))
        assert not any(happened.lost for happened in itertools.islice(source, 2))
    finally:
        stop.set()
        source.close()
