"""A PDF of any number of pages that reads like a book: headings, paragraphs of English words, some pages in two columns.

`python -m tests.bench.long_pdf PAGES FOLDER` indexes one into a data folder in a process of its own and tells, as one
line of JSON, how long it took until the last page was found, and the peak memory of that process and of its parser.
"""

from __future__ import annotations

import json
import random
import resource
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from tests.indexer.loaders.pdf_writer import Page, Text, write_pdf

WORDS = """the of and a to in is that it for as with are by be this on from which an or at was we can not have one
each its if all when more than has but these two they model values data where other learning function first between
network number time over only training weights used such may will same some many then layer set value gradient see
also so example their both loss given most because following into vector case probability while large small output
input error method problem form new how called result point rate would different does makes general state matrix
step order follows distribution there every part sum term words left right become change further simple along
parameters shown known often whole second rule between sample average without means size equal language sequence
position long attention sentence question answer passage structure theory experiment observed measured energy
temperature pressure surface estimate variance regression boundary direction minimum product derivative bounded
convergence algorithm memory computer science evidence history chapter principle behaviour consequence independent
particular considerable approximation optimisation representation understanding mathematical interpretation""".split()
_RANKS = [1 / (rank + 10) for rank in range(len(WORDS))]  # the first ones come often, as in any language
WORDS_A_PAGE = 500
LAST = "quokkas"  # on the last page alone
_WIDE, _NARROW = 92, 42  # characters of a line at 10 points
_TOP, _LEADING = 730.0, 11.5


def sentences(rng: random.Random, n_words: int) -> Iterator[str]:
    """Sentences of 6 to 28 words, some with a comma, `n_words` in all."""
    while n_words > 0:
        size = min(n_words, rng.randint(6, 28)) if n_words > 6 else n_words
        words = rng.choices(WORDS, _RANKS, k=size)
        if size > 14:
            words[size // 2] += ","
        yield " ".join(words).capitalize() + "."
        n_words -= size


def _paragraphs(rng: random.Random, n_words: int) -> Iterator[str]:
    while n_words > 0:
        size = min(n_words, rng.randint(60, 110))
        yield " ".join(sentences(rng, size))
        n_words -= size


def _column(paragraphs: Sequence[str], x: float, width: int) -> list[Text]:
    texts, y = [], _TOP
    for paragraph in paragraphs:
        for line in textwrap.wrap(paragraph, width):
            texts.append(Text(x, y, line))
            y -= _LEADING
        y -= _LEADING / 2
    return texts


def _page(number: int, n_pages: int) -> Page:
    """A running head, now and then a heading, the words in one column or, on every third page, in two; the number."""
    rng = random.Random(number)
    paragraphs = list(_paragraphs(rng, WORDS_A_PAGE))
    if number == n_pages:
        paragraphs[-1] += f" Only here do {LAST} appear."
    texts = [Text(60, 775, "Lectures on everything", 8), Text(290, 20, str(number), 8)]
    if number % 4 == 1:
        heading = " ".join(rng.choices(WORDS[60:], k=4)).capitalize()
        texts.append(Text(60, 750, f"{number // 4 + 1} {heading}", 15, "F2"))
    if number % 3:
        return Page([*texts, *_column(paragraphs, 60, _WIDE)])
    half = len(paragraphs) // 2
    return Page([*texts, *_column(paragraphs[:half], 50, _NARROW), *_column(paragraphs[half:], 315, _NARROW)])


def long_pdf(n_pages: int) -> bytes:
    """The file; the same one each time."""
    return write_pdf([_page(number, n_pages) for number in range(1, n_pages + 1)], title="Lectures on everything")


class ParserPeak:
    """The largest resident set, in MiB, that any parser process of a sandbox had, looked up every few milliseconds."""

    def __init__(self, parent_pid: Callable[[], int | None]) -> None:
        self._parent_pid = parent_pid
        self._stop = threading.Event()
        self._kib = 0
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def stop(self) -> float:
        """Ends the looking and gives the peak."""
        self._stop.set()
        self._thread.join()
        return self._kib / 1024

    def _watch(self) -> None:
        while not self._stop.wait(0.01):
            parent = self._parent_pid()
            try:
                children = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
                peaks = [_high_water_kib(Path(f"/proc/{child}/status").read_text()) for child in children]
            except OSError:  # it has not begun, or has just ended
                continue
            self._kib = max([self._kib, *peaks])


def _high_water_kib(status: str) -> int:
    return next((int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM")), 0)


def _peak_mib() -> float:
    """The largest resident set of this process so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def index_one(n_pages: int, folder: Path) -> dict[str, float]:
    """Writes the PDF, indexes it into a fresh data folder and searches for its last page."""
    file = folder / "book" / "long.pdf"
    file.parent.mkdir(parents=True)
    file.write_bytes(long_pdf(n_pages))
    began, cpu_began = time.perf_counter(), time.process_time()
    from indexer.embed import SentenceTransformerEmbedder
    from indexer.index import Index
    from indexer.sandbox import Sandbox

    sandbox, embedder = Sandbox(), SentenceTransformerEmbedder()
    sandbox.start()
    peak = ParserPeak(lambda: None if sandbox._nursery is None else sandbox._nursery._process.pid)
    parsed: list[float] = []
    with Index.open(folder / "data", embedder=embedder, parsers=sandbox) as index:
        report = index.sync(
            [file.parent], progress=lambda at: parsed.append(time.perf_counter()) if at.stage == "embed" else None
        )
        (hit,) = index.search(LAST, n=1, mode="bm25").hits
        seconds = time.perf_counter() - began
        found = index.search(f"what do {LAST} do", n=3).hits
    sandbox.close()
    assert hit.place.page == n_pages
    assert n_pages in [each.place.page for each in found]
    return {
        "seconds": seconds,
        "until_embedding": parsed[0] - began,
        "own_cpu": time.process_time() - cpu_began,
        "chunks": report.chunks,
        "peak_mib": _peak_mib(),
        "parser_mib": peak.stop(),
        "file_mib": file.stat().st_size / 2**20,
    }


if __name__ == "__main__":
    print(json.dumps(index_one(int(sys.argv[1]), Path(sys.argv[2]))))  # noqa: T201
