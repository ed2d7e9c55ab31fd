"""How long examples take on one core and on all, in turn.

STUDYGPT_BENCH_DATA=/data pytest -m bench tests/bench/test_examples_speed.py -s
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import pytest

from gpt import reading_data
from gpt.checkpoint import load_released
from gpt.reader import RELEASED
from gpt.reading_data import N_ALTERED, N_MISLEADING, ReadingData, Styles
from gpt.squad import load_articles

SHARED = Path(__file__).parents[2].parent / "shared" / "data"
FILE = Path(os.environ.get("STUDYGPT_BENCH_DATA") or SHARED) / "qa" / "squad-train-v1.1.json.xz"
N_ARTICLES = 20


@pytest.mark.bench
def test_all_cores_make_examples_sooner_than_one(monkeypatch: pytest.MonkeyPatch) -> None:
    if not FILE.is_file():
        pytest.skip(f"no file {FILE}; name the folder that holds qa/{FILE.name} as STUDYGPT_BENCH_DATA")
    tokenizer = load_released(RELEASED / "mini").tokenizer
    articles = load_articles(FILE)[:N_ARTICLES]
    seconds: dict[int, list[float]] = {1: [], os.cpu_count() or 1: []}
    for _ in range(2):
        for n_workers, taken in seconds.items():
            monkeypatch.setattr(reading_data, "MAX_WORKERS", n_workers)
            began = time.perf_counter()
            data = ReadingData.build(tokenizer, articles, N_MISLEADING, styles=Styles(notes=0.3), n_altered=N_ALTERED)
            taken.append(time.perf_counter() - began)
    for n_workers, taken in seconds.items():
        times = " and ".join(f"{s:.1f}" for s in taken)
        sys.stdout.write(f"\n{len(data.examples)} examples, processes {n_workers}: {times} s\n")
    assert min(seconds[os.cpu_count() or 1]) <= 1.1 * min(seconds[1])
