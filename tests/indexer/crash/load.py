"""The vector index's files removed, again and again, while searches run."""

from __future__ import annotations

import random
import shutil
import threading
import time
from pathlib import Path

import apsw

from indexer.errors import IndexerError
from indexer.index import Index
from indexer.lock import LOCK_NAME
from indexer.reserve import RESERVE_NAME
from indexer.store import DATABASE_NAME
from tests.indexer.crash.model import WORDS, State, open_index, wrong_answers
from tests.indexer.crash.workload import make_text

SEARCHERS = 2


def remove_caches(folder: Path) -> int:
    """Removes everything in the data folder that is not the database, the lock or the reserve; how many names."""
    kept = (DATABASE_NAME, LOCK_NAME, RESERVE_NAME)
    caches = [path for path in folder.iterdir() if not path.name.startswith(kept)]
    for path in caches:
        shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
    return len(caches)


def search_under_removal(seed: int, folder: Path, seconds: float) -> tuple[int, list[str]]:
    """Searches while caches are saved and removed and the index is opened anew: (searches, what went wrong)."""
    rng = random.Random(seed)
    state, deadline = State(), time.monotonic() + seconds
    n_searches, problems = 0, []
    while time.monotonic() < deadline and not problems:
        with open_index(folder) as index:
            for _ in range(3):
                name, text = rng.choice("abcdefgh") + ".txt", make_text(rng)
                index.add(name, text.encode())
                state = state.put(name, text)
            n, found = _round(index, folder, state, rng)
            n_searches, problems = n_searches + n, problems + found
    return n_searches, problems


def _round(index: Index, folder: Path, state: State, rng: random.Random) -> tuple[int, list[str]]:
    """Some searches in threads, with the caches going under them."""
    problems: list[str] = []
    counts = [0] * SEARCHERS
    done = threading.Event()

    def search(at: int, words: list[str]) -> None:
        try:
            for word in words:
                problems.extend(wrong_answers(index, state, word))
                counts[at] += 2
        except (IndexerError, apsw.Error, OSError, RuntimeError, KeyError) as error:
            problems.append(f"{type(error).__name__}: {error}")

    threads = [threading.Thread(target=search, args=(at, rng.sample(WORDS, 8))) for at in range(SEARCHERS)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        index._searcher.save()
        remove_caches(folder)
        done.wait(0.001)
    for thread in threads:
        thread.join()
    return sum(counts), problems
