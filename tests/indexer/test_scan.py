"""What a walk finds, what it leaves out, and what it reports."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from indexer.errors import LoadError, PathNotFound
from indexer.scan import read_file, scan

SUFFIXES = frozenset({".md", ".txt"})


def write(path: Path, text: str = "text") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def names(*paths: Path) -> list[str]:
    return [found.path for found in scan(paths, SUFFIXES).files]


def test_a_folder_is_walked_at_any_depth_in_the_order_of_the_paths(tmp_path: Path) -> None:
    for name in ("b.md", "a/deep/er/z.txt", "a/b.MD"):
        write(tmp_path / name)
    assert names(tmp_path) == [str(tmp_path / name) for name in ("a/b.MD", "a/deep/er/z.txt", "b.md")]


def test_hidden_and_unknown_files_of_a_folder_are_left_out_silently(tmp_path: Path) -> None:
    for name in (".git/a.md", ".hidden.md", "photo.jpg", "Makefile", "kept.md"):
        write(tmp_path / name)
    assert names(tmp_path) == [str(tmp_path / "kept.md")]


def test_a_file_that_is_named_counts_whatever_it_is_called(tmp_path: Path) -> None:
    assert names(write(tmp_path / "photo.jpg"), write(tmp_path / ".hidden")) == [
        str(tmp_path / ".hidden"),
        str(tmp_path / "photo.jpg"),
    ]


def test_a_file_reached_twice_counts_once(tmp_path: Path) -> None:
    note = write(tmp_path / "in" / "note.md")
    assert names(tmp_path, tmp_path / "in", note, note) == [str(note)]


def test_links_inside_a_folder_are_not_followed(tmp_path: Path) -> None:
    write(tmp_path / "outside" / "secret.md")
    write(tmp_path / "root" / "note.md")
    (tmp_path / "root" / "link.md").symlink_to(tmp_path / "outside" / "secret.md")
    (tmp_path / "root" / "folder").symlink_to(tmp_path / "outside")
    (tmp_path / "root" / "loop").symlink_to(tmp_path / "root")
    assert names(tmp_path / "root") == [str(tmp_path / "root" / "note.md")]


def test_a_path_that_does_not_exist_is_named_before_anything_else(tmp_path: Path) -> None:
    with pytest.raises(PathNotFound, match=r"'.*gone' does not exist; name a file or a folder"):
        scan([tmp_path, tmp_path / "gone"], SUFFIXES)


def test_a_name_that_is_not_unicode_is_reported(tmp_path: Path) -> None:
    with open(os.fsencode(tmp_path) + b"/caf\xe9.md", "w") as file:
        file.write("text")
    found = scan([tmp_path], SUFFIXES)
    assert found.files == ()
    assert [failure.path for failure in found.failed] == [f"{tmp_path}/caf\\udce9.md"]
    assert "not valid UTF-8" in found.failed[0].reason


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_folder_that_cannot_be_read_is_reported(tmp_path: Path) -> None:
    write(tmp_path / "closed" / "note.md")
    (tmp_path / "closed").chmod(0)
    assert [(f.path, f.reason) for f in scan([tmp_path], SUFFIXES).failed] == [
        (str(tmp_path / "closed"), "permission denied")
    ]


def test_reading_refuses_what_is_no_regular_file_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.md")
    with pytest.raises(LoadError, match="not a regular file"):
        read_file(str(tmp_path / "pipe.md"))
    with pytest.raises(LoadError, match=r"not a regular file|is a directory"):
        read_file(str(tmp_path))
    with pytest.raises(LoadError, match="no such file"):
        read_file(str(tmp_path / "gone.md"))


def test_a_huge_file_is_refused_before_it_is_read(tmp_path: Path) -> None:
    with open(tmp_path / "huge.txt", "wb") as file:
        file.truncate(1 << 40)
    with pytest.raises(LoadError, match="larger than 256 MiB"):
        read_file(str(tmp_path / "huge.txt"))
