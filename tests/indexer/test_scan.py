"""What a walk finds, what it leaves out, and what it reports."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from indexer.errors import LoadError, PathNotFound
from indexer.scan import MAX_DEPTH, read_file, read_found, scan, scan_changed

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


# Whoever can write into a folder cannot lead the walk out of it.


def test_a_pipe_a_socket_and_a_device_in_a_folder_are_named_and_not_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.md")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "socket.md"))
    found = scan([tmp_path], SUFFIXES)
    assert found.files == ()
    assert {Path(f.path).name: f.reason for f in found.failed} == dict.fromkeys(
        ("pipe.md", "socket.md"), "not a regular file"
    )


def test_a_hard_link_to_a_file_outside_is_refused_and_one_inside_is_not(tmp_path: Path) -> None:
    secret = write(tmp_path / "outside" / "secret.md", "secret")
    root = tmp_path / "root"
    note = write(root / "a.md")
    os.link(note, root / "b.md")
    os.link(secret, root / "stolen.md")
    found = scan([root], SUFFIXES)
    assert [Path(f.path).name for f in found.files] == ["a.md", "b.md"]
    assert [(Path(f.path).name, "hard link" in f.reason) for f in found.failed] == [("stolen.md", True)]
    assert [read_found(f) for f in found.files] == [b"text", b"text"]
    assert names(root / "stolen.md") == [str(root / "stolen.md")]  # the user's own word is enough


@pytest.mark.parametrize("swap", ["file for a link", "folder for a link", "file for a hard link", "file for a pipe"])
def test_what_is_swapped_between_the_walk_and_the_reading_is_not_followed(tmp_path: Path, swap: str) -> None:
    secret = write(tmp_path / "outside" / "note.md", "secret")
    note = write(tmp_path / "root" / "in" / "note.md")
    (found,) = scan([tmp_path / "root"], SUFFIXES).files
    if swap == "folder for a link":
        (tmp_path / "root" / "in").rename(tmp_path / "old")
        (tmp_path / "root" / "in").symlink_to(tmp_path / "outside")
    else:
        note.unlink()
        make = {"file for a link": note.symlink_to, "file for a hard link": note.hardlink_to}
        make[swap](secret) if swap in make else os.mkfifo(note)
    with pytest.raises(LoadError):
        read_found(found)


def test_a_folder_may_be_named_by_a_link_to_it(tmp_path: Path) -> None:
    write(tmp_path / "real" / "a.md")
    (tmp_path / "link").symlink_to(tmp_path / "real")
    found = scan([tmp_path / "link"], SUFFIXES).files
    assert [(f.path, read_found(f)) for f in found] == [(str(tmp_path / "link" / "a.md"), b"text")]
    assert names(tmp_path / "link", tmp_path / "real") == [str(tmp_path / "link" / "a.md")]


def test_folders_that_go_on_for_ever_end(tmp_path: Path) -> None:
    deep = tmp_path
    for _ in range(MAX_DEPTH + 2):
        deep /= "d"
    write(deep / "a.md")
    found = scan([tmp_path], SUFFIXES)
    assert found.files == ()
    assert "more than 100 folders deep" in found.failed[0].reason


def changed(root: Path, *inside: str) -> tuple[list[str], list[str]]:
    """The names, and the files found, when these are said to have changed."""
    names, seen = scan_changed([root], [os.path.abspath(root / name) for name in inside], SUFFIXES)
    return sorted(os.path.relpath(name, root) for name in names), [os.path.relpath(f.path, root) for f in seen.files]


def test_changed_places_are_looked_at_as_the_walk_would(tmp_path: Path) -> None:
    for name in ("a.md", "b.txt", "in/c.md", "in/deep/d.md", ".git/e.md", "in/.f.md", "photo.jpg"):
        write(tmp_path / name)
    (tmp_path / "link").symlink_to(tmp_path / "in")
    assert changed(tmp_path, "a.md", "gone.md") == (["a.md", "gone.md"], ["a.md"])
    assert changed(tmp_path, "in") == (["in"], ["in/c.md", "in/deep/d.md"])
    assert changed(tmp_path, ".git/e.md", "in/.f.md", "photo.jpg", "link/c.md", "../x.md")[1] == []
    assert changed(tmp_path, "") == (["."], ["a.md", "b.txt", "in/c.md", "in/deep/d.md"])


def test_changed_places_are_named_as_the_user_named_the_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path / "notes" / "a.md")
    monkeypatch.chdir(tmp_path)
    relative = Path("notes")
    place = str(tmp_path / "notes" / "a.md")
    assert scan_changed([relative], [place], SUFFIXES)[1].files == scan([relative], SUFFIXES).files
    assert scan_changed([relative / "a.md"], [place], SUFFIXES)[1].files == scan([relative / "a.md"], SUFFIXES).files
