"""`python -m tests.indexer.fuzz PARSER --runs N`: fuzzes one loader, or all of them in turn."""

from __future__ import annotations

import argparse
import os
import random
import resource
import signal
import sys
import tempfile
import time
from pathlib import Path

BATCH = 500
MEMORY_BYTES = 2 << 30
RUN_S = 20
SMALL_BYTES = 512


def main() -> int:
    from tests.indexer.fuzz.seeds import PARSERS

    parser = argparse.ArgumentParser(prog="python -m tests.indexer.fuzz", description="Fuzzes the loaders.")
    parser.add_argument("parser", choices=(*PARSERS, "all"))
    parser.add_argument("--runs", type=int, default=1_000_000, metavar="N", help="runs of each parser")
    parser.add_argument(
        "--out", type=Path, default=Path("fuzz-findings"), metavar="DIR", help="where findings are written"
    )
    parser.add_argument("--blind", action="store_true", help="random changes, without atheris")
    args = parser.parse_args()
    args.out.mkdir(exist_ok=True)
    names = list(PARSERS) if args.parser == "all" else [args.parser]
    return max((blind if args.blind else guided)(name, args.runs, args.out) for name in names)


def guided(name: str, runs: int, out: Path) -> int:
    """With atheris: small files first, which say most in a second; a tenth of the runs then begin from what these found and
    may grow to MAX_BYTES. A crash, a hang or a broken promise ends it."""
    from tests.indexer.fuzz.seeds import MAX_BYTES, PARSERS

    corpus = Path(tempfile.mkdtemp(prefix=f"fuzz-{name}-"))
    for number, seed in enumerate(PARSERS[name].seeds):
        (corpus / str(number)).write_bytes(seed)
    small = max(SMALL_BYTES, 4 * max(map(len, PARSERS[name].seeds)))
    large = runs // 10
    status = _guided(name, runs - large, small, out, corpus)
    return status or _guided(name, large, MAX_BYTES, out, corpus)


def _guided(name: str, runs: int, max_bytes: int, out: Path, corpus: Path) -> int:
    """In a process of its own, for atheris does not return, and imports the loaders in its own way."""
    pid = os.fork()
    if pid == 0:
        import atheris

        with atheris.instrument_imports(include=["indexer.loaders", "markdown_it", "mdit_py_plugins"]):
            from tests.indexer.fuzz.seeds import PARSERS
            from tests.indexer.fuzz.target import examine
        words = corpus.with_suffix(".words")
        words.write_text("\n".join(map(quoted, PARSERS[name].words)))
        limits = [f"-timeout={RUN_S}", f"-rss_limit_mb={MEMORY_BYTES >> 20}", f"-max_len={max_bytes}", f"-runs={runs}"]
        options = [*limits, f"-dict={words}", f"-artifact_prefix={out}/{name}-", "-print_final_stats=1", str(corpus)]
        atheris.Setup([sys.argv[0], *options], lambda data: examine(PARSERS[name], data))
        atheris.Fuzz()
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def quoted(word: bytes) -> str:
    """A word as libFuzzer's dictionaries write it."""
    return '"' + "".join(f"\\x{byte:02x}" for byte in word) + '"'


def blind(name: str, runs: int, out: Path) -> int:
    """Random changes; the file in hand is on the disk, so that it is known which one killed the process."""
    began, findings = time.monotonic(), 0
    for first in range(0, runs, BATCH):
        done = first
        while done < min(first + BATCH, runs):
            latest = out / f"{name}-latest"
            status = _in_child(name, done, min(first + BATCH, runs), latest)
            if status == 0:
                break
            number = int(latest.with_suffix(".number").read_text())
            latest.rename(out / f"{name}-{number}")
            sys.stderr.write(f"{name}: run {number} ended with {status}; see {out / f'{name}-{number}'}\n")
            done, findings = number + 1, findings + 1
    rate = runs / (time.monotonic() - began)
    sys.stderr.write(f"{name}: {runs} runs, {findings} findings, {rate:.0f} a second\n")
    return int(findings > 0)


def _in_child(name: str, first: int, end: int, latest: Path) -> int:
    pid = os.fork()
    if pid:
        return os.waitpid(pid, 0)[1]
    from tests.indexer.fuzz.seeds import PARSERS
    from tests.indexer.fuzz.target import examine, mutated

    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    try:
        for number in range(first, end):
            piece = mutated(PARSERS[name], random.Random(f"{name} {number}"))
            latest.write_bytes(piece)
            latest.with_suffix(".number").write_text(str(number))
            signal.alarm(RUN_S)
            examine(PARSERS[name], piece)
        os._exit(0)
    except BaseException as error:
        sys.stderr.write(f"{type(error).__name__}: {error}\n")
        raise
    finally:
        os._exit(1)


if __name__ == "__main__":
    sys.exit(main())
