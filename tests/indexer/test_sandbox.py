"""Whatever a parser does, its document is all it costs, and the reason says what happened."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings

from indexer.errors import EmptyDocument, LoadError, ParserUnavailable, UnsupportedFormat
from indexer.loaders import load
from indexer.sandbox import Limits, Sandbox
from tests.indexer.bombs import BOMBS, WALLED
from tests.indexer.loaders.documents import FILES

ODD = Path(__file__).parents[3] / "shared" / "data" / "pdf" / "odd"
TIGHT = Limits(memory_mib=192, cpu_s=1, wall_s=120, answer_mib=16)


@pytest.fixture(scope="module")
def hostile() -> Iterator[Sandbox]:
    sandbox = Sandbox(TIGHT, "tests.indexer.hostile:load")
    yield sandbox
    sandbox.close()


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    sandbox = Sandbox()
    yield sandbox
    sandbox.close()


def reason(sandbox: Sandbox, name: str, data: bytes = b"") -> str:
    with pytest.raises(LoadError) as caught:
        sandbox.load(name, data)
    return str(caught.value)


def same(sandbox: Sandbox, name: str, data: bytes) -> bool:
    """Whether the sandbox gives what the loader gives, or refuses in the same words."""
    try:
        plain = load(name, data)
    except LoadError as error:
        return reason(sandbox, name, data) == str(error)
    return sandbox.load(name, data) == plain


SAMPLES = {
    "a.md": b"---\ntitle: T\n---\n# One\n\nWords with $x^2$.\n\n| a | b |\n|---|---|\n| 1 | 2 |\n",
    "b.txt": "Grüße\n\nzweiter Absatz\n".encode(),
    "c.html": b"<title>t</title><main><h1>One</h1><p>Words</p></main>",
    "d.ipynb": b'{"cells": [{"cell_type": "code", "source": "x = 1", "outputs": []}], "nbformat": 4}',
    "e.py": b'def f():\n    """Does it."""\n    return 1\n',
    "f.rst": b"Title\n=====\n\nWords.\n",
}


@pytest.mark.parametrize("name", SAMPLES)
def test_a_document_is_the_same_as_without_a_sandbox(sandbox: Sandbox, name: str) -> None:
    assert sandbox.load(name, SAMPLES[name]) == load(name, SAMPLES[name])


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(FILES)
def test_any_document_is_the_same_as_without_a_sandbox(sandbox: Sandbox, file: tuple[str, bytes]) -> None:
    assert same(sandbox, *file)


@pytest.mark.parametrize(
    "encoding", ["utf-16", "cp1252", "shift_jis", "gb18030", "iso2022_jp", "koi8-r", "idna", "zlib"]
)
def test_a_parser_knows_every_encoding_though_it_can_open_no_file(sandbox: Sandbox, encoding: str) -> None:
    page = f'<html><head><meta charset="{encoding}"></head><body><p>plain words of a page</p></body></html>'
    assert same(sandbox, "a.html", page.encode("utf-16" if encoding == "utf-16" else "ascii"))


def test_a_large_document_is_the_same_too(sandbox: Sandbox) -> None:
    data = b"# One\n\n" + b"word " * 200_000 + b"\n\nline\n" * 20_000
    assert sandbox.load("large.md", data) == load("large.md", data)


def test_the_errors_of_a_loader_keep_their_class_and_words(sandbox: Sandbox) -> None:
    for name, data, kind in (
        ("a.md", b" ", EmptyDocument),
        ("a.xyz", b"x", UnsupportedFormat),
        ("a.txt", b"\0", LoadError),
    ):
        with pytest.raises(LoadError) as direct:
            load(name, data)
        with pytest.raises(LoadError) as boxed:
            sandbox.load(name, data)
        assert (type(boxed.value), str(boxed.value)) == (kind, str(direct.value))


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("compute for ever", "its parser timed out after 1 s of processor time"),
        ("ignore the clock", "its parser was killed, for want of memory or after 1 s of processor time"),
        ("eat memory", "its parser exceeded 192 MiB of memory"),
        ("recurse", "nested too deeply"),
        ("flood", "the text in it exceeds 16 MiB, too much for a file of its size"),
        ("flood text", "the text in it exceeds 16 MiB, too much for a file of its size"),
        ("answer garbage", "its parser stopped without a proper answer"),
        ("answer nothing", "its parser stopped without a proper answer"),
        ("answer nested", "its parser stopped without a proper answer"),
        ("leave", "its parser failed (SystemExit: 3)"),
        ("segfault", "its parser crashed with signal 11 (SIGSEGV)"),
        ("abort", "its parser crashed with signal 6 (SIGABRT)"),
        ("fail", "its parser failed (KeyError: 'page\\n1')"),
        ("half characters", "holds characters that are not valid Unicode; save it again as UTF-8"),
    ],
)
def test_what_a_parser_does_to_itself_is_named(hostile: Sandbox, name: str, words: str) -> None:
    assert reason(hostile, name) == words
    assert hostile.load("work", b"goes on").text == "goes on"


def test_a_parser_that_waits_is_killed_by_the_clock() -> None:
    sandbox = Sandbox(Limits(wall_s=1), "tests.indexer.hostile:load")
    try:
        assert reason(sandbox, "wait for ever") == "its parser timed out after 1 s"
    finally:
        sandbox.close()


REFUSED = "fork bomb, start threads, read passwd, read own source, list root, look at passwd, write file, make folder, \
delete file, change mode, link file, make pipe, make memory file, tcp, udp, unix socket, abstract socket, fetch, \
look up a name, start a program, become a program, kill its parent, stop everyone, trace its parent, raise its limits, \
leave the walls".split(", ")


@pytest.mark.parametrize("name", REFUSED)
def test_what_a_parser_may_not_do_fails(hostile: Sandbox, tmp_path: Path, name: str) -> None:
    if not hostile.walls.seccomp:
        pytest.skip("this system does not filter system calls")
    target = tmp_path / "target"
    if name in ("delete file", "change mode"):
        target.write_text("mine")
    before = sorted(tmp_path.iterdir())
    words = reason(hostile, name, os.fsencode(target))
    assert words.startswith("its parser failed (")
    assert any(part in words for part in ("[Errno 1]", "Errno -", "start new thread", "raise maximum limit")), words
    assert sorted(tmp_path.iterdir()) == before
    assert all(path.read_text() == "mine" and path.stat().st_mode & 0o777 != 0o777 for path in before)


def test_without_a_filter_landlock_keeps_files_and_tcp(tmp_path: Path) -> None:
    code = """
import sys, socket, os
from indexer import landlock
abi = landlock.version()
if not abi: sys.exit(77)
landlock.restrict(abi)
for attempt in (lambda: open("/etc/passwd"), lambda: open(sys.argv[1], "w"), lambda: os.mkdir(sys.argv[1])):
    try: attempt()
    except PermissionError: continue
    sys.exit(1)
if abi >= 4:
    try: socket.create_connection(("127.0.0.1", 9))
    except PermissionError: sys.exit(0)
    sys.exit(2)
"""
    status = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "out")], check=False, cwd=Path(__file__).parents[2]
    )
    if status.returncode == 77:
        pytest.skip("this kernel has no Landlock")
    assert status.returncode == 0


def test_a_parser_holds_nothing_but_the_channel_of_its_document(hostile: Sandbox) -> None:
    assert hostile.load("read descriptors", b"").text == "[0, 1, 2, 3]"
    assert hostile.load("read input twice", b"once").text == "b''"


def test_a_reason_is_one_short_printable_line(hostile: Sandbox) -> None:
    words = reason(hostile, "refuse")
    assert words.startswith("no, not [31m this xxx")
    assert len(words) < 600
    assert words.isprintable()
    with pytest.raises(EmptyDocument, match="holds no text"):
        hostile.load("refuse as empty", b"")


def test_a_hang_delays_no_other_document(hostile: Sandbox) -> None:
    with ThreadPoolExecutor(4) as pool:
        hung = [pool.submit(reason, hostile, "compute for ever")]
        good = [pool.submit(hostile.load, "work", str(i).encode()) for i in range(10)]
        assert [each.result().text for each in good] == [str(i) for i in range(10)]
        assert {each.result() for each in hung} == {"its parser timed out after 1 s of processor time"}


def test_parsers_give_way_to_what_answers_questions(sandbox: Sandbox) -> None:
    """By their own niceness and, where the system schedules sessions as groups, by that of their session."""
    sandbox.load("a.md", b"# A")
    assert sandbox._nursery is not None
    pid = sandbox._nursery._process.pid
    assert os.getpriority(os.PRIO_PROCESS, pid) == os.getpriority(os.PRIO_PROCESS, 0) + 15
    group = Path(f"/proc/{pid}/autogroup")
    enabled = Path("/proc/sys/kernel/sched_autogroup_enabled")
    if group.exists() and enabled.exists() and enabled.read_text().strip() == "1":
        assert group.read_text().split()[-1] == "15"


def test_a_document_that_nobody_waits_for_is_given_up_soon() -> None:
    sandbox, given_up = Sandbox(Limits(wall_s=600), "tests.indexer.hostile:load"), threading.Event()
    try:
        sandbox.load("work", b"started")
        threading.Timer(0.1, given_up.set).start()
        began = time.monotonic()
        with pytest.raises(LoadError, match="given up"):
            sandbox.load("wait for ever", b"", given_up)
        assert time.monotonic() - began < 30
        assert children_of(sandbox) == []
    finally:
        sandbox.close()


def children_of(sandbox: Sandbox) -> list[str]:
    """The parser processes that live, once they had a moment to end."""
    assert sandbox._nursery is not None
    pid = sandbox._nursery._process.pid
    path = Path(f"/proc/{pid}/task/{pid}/children")
    if not path.exists():
        pytest.skip("this system does not tell the children of a process")
    for _ in range(200):
        if not path.read_text():
            break
        time.sleep(0.05)
    return path.read_text().split()


def test_a_parent_that_was_killed_is_replaced(hostile: Sandbox) -> None:
    hostile.load("work", b"before")
    assert hostile._nursery is not None
    os.kill(hostile._nursery._process.pid, signal.SIGKILL)
    assert hostile.load("work", b"after").text == "after"


def test_the_parent_ends_with_the_process_that_uses_it() -> None:
    code = """
import os, signal
from indexer.sandbox import shared
print(shared().walls and shared()._nursery._process.pid, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    pid = int(told.stdout)
    for _ in range(200):
        if not Path(f"/proc/{pid}").exists() or "State:\tZ" in Path(f"/proc/{pid}/status").read_text():
            return
        time.sleep(0.05)
    pytest.fail("the parent of the parsers outlived its user")


def test_the_parent_is_small_and_has_one_thread(sandbox: Sandbox) -> None:
    sandbox.load("a.md", b"# One")
    assert sandbox._nursery is not None
    pid = sandbox._nursery._process.pid
    if not Path(f"/proc/{pid}/maps").exists():
        pytest.skip("this system does not tell")
    assert "Threads:\t1\n" in Path(f"/proc/{pid}/status").read_text()
    maps = Path(f"/proc/{pid}/maps").read_text()
    assert [name for name in ("torch", "faiss", "numpy", "apsw") if f"/{name}/" in maps] == []


def test_parsers_that_cannot_be_started_are_an_error_of_their_own() -> None:
    for parser in ("nowhere.to.be:found", "os:nothing"):
        sandbox = Sandbox(parser=parser)
        with pytest.raises(ParserUnavailable, match=r"cannot be started: (ModuleNotFound|Attribute)Error"):
            sandbox.load("a.md", b"x")
        sandbox.close()
    with pytest.raises(ParserUnavailable, match="were stopped"):
        sandbox.load("a.md", b"x")


def test_open_descriptors_do_not_pile_up(hostile: Sandbox) -> None:
    hostile.load("work", b"")
    before = os.listdir("/dev/fd")
    for name in ("work", "segfault", "flood", "refuse as empty"):
        try:
            hostile.load(name, b"x" * 100_000)
        except LoadError:
            continue
    assert os.listdir("/dev/fd") == before


def outcome(sandbox: Sandbox, name: str, data: bytes) -> str:
    """ "a document", or why not."""
    try:
        sandbox.load(name, data)
    except LoadError as error:
        return str(error)
    return "a document"


@pytest.mark.parametrize("name", sorted(BOMBS)[::25])
def test_a_bomb_ends_as_a_named_error_or_a_document(sandbox: Sandbox, name: str) -> None:
    assert outcome(sandbox, *BOMBS[name]())


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(BOMBS))
def test_every_bomb_does(sandbox: Sandbox, name: str) -> None:
    words = outcome(sandbox, *BOMBS[name]())
    assert words
    assert "its parser" not in words or name in WALLED, "a loader's own limits end a bomb before the walls have to"


@pytest.mark.skipif(not ODD.is_dir(), reason="the odd PDFs are not here")
@pytest.mark.slow
@pytest.mark.parametrize("path", sorted(ODD.glob("*.pdf")), ids=lambda path: path.name)
def test_an_odd_pdf_ends_as_without_a_sandbox(sandbox: Sandbox, path: Path) -> None:
    assert same(sandbox, path.name, path.read_bytes())
