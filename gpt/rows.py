"""The rows of data files and of data sets from the hub, each with the place it stands at.

Read are plain text (.txt .md: a file is one row), JSON lines (.jsonl), JSON (.json: a list of objects, or questions in
SQuAD's format), parquet, folders of these at any depth, folders that `datasets.save_to_disk` wrote, and through the
`datasets` library whatever has a name there. Text and JSON may be packed as .gz or .xz.
"""

from __future__ import annotations

import gzip
import json
import lzma
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from gpt.errors import DataError

TEXT_SUFFIXES = (".txt", ".md")
_PACKED: dict[str, Callable[..., IO[str]]] = {".gz": gzip.open, ".xz": lzma.open}
_SAVED = ("dataset_dict.json", "state.json")  # what marks a folder of `datasets.save_to_disk`
_BATCH_ROWS = 256
_INSTALL = "install it with `pip install 'studygpt[datasets]'`"


@dataclass(frozen=True)
class Row:
    """One record; `place` says where it stands, for messages."""

    place: str
    values: dict[str, Any]


@dataclass(frozen=True)
class HubName:
    """hub:NAME[@CONFIG][:SPLIT], as the `datasets` library names a data set; NAME may also be a local folder."""

    name: str
    config: str | None
    split: str

    @classmethod
    def parse(cls, text: str) -> HubName:
        """Raises DataError when there is no name."""
        rest, _, split = text.removeprefix("hub:").partition(":")
        name, _, config = rest.partition("@")
        if not name:
            raise DataError(f"{text!r} names no data set; write hub:NAME, hub:NAME:SPLIT or hub:NAME@CONFIG:SPLIT")
        return cls(name, config or None, split or "train")


def data_files(path: Path) -> list[Path]:
    """The file, or the folder's readable files in order of their paths, hidden ones left out. Raises DataError."""
    if path.is_file():
        return [path]
    if not path.is_dir():
        raise DataError(f"no file or folder {str(path)!r}; a data set of the hub is written hub:{path}")
    if any((path / name).is_file() for name in _SAVED):
        return [path]
    found = [f for f in path.rglob("*") if f.is_file() and _kind(f)]
    shown = sorted(f for f in found if not any(part.startswith(".") for part in f.relative_to(path).parts))
    if not shown:
        raise DataError(
            f"{path} holds none of {' '.join(_READERS)} (text and JSON also as .gz or .xz); name a folder that does"
        )
    return shown


def file_rows(path: Path) -> Iterator[Row]:
    """The rows of one of `data_files`. Raises DataError naming file, row and remedy."""
    if path.is_dir():
        yield from _saved_rows(path)
        return
    kind = _kind(path)
    if not kind:
        raise DataError(f"{path}: files ending in {path.suffix!r} are not read; these are: {' '.join(_READERS)}")
    try:
        yield from _READERS[kind](path)
    except UnicodeDecodeError as error:
        raise DataError(f"{path} is not text in UTF-8 (byte {error.start}); convert it") from error
    except (OSError, EOFError, lzma.LZMAError, zlib.error) as error:
        raise DataError(f"{path} cannot be read: {error}; fetch it again") from error


def corpus_rows(path: Path, kind: str) -> Iterator[Row]:
    """The rows of a recipe's file of that kind ("text", "question"). Raises DataError naming file, row and remedy."""
    if not path.is_file():
        raise DataError(f"no {kind} file at {path}; point --corpus at the folder that holds it")
    return file_rows(path)


def hub_rows(name: HubName) -> Iterator[Row]:
    """The rows of a data set as they stream in. Raises DataError that names it and the remedy."""
    datasets = _library("datasets", f"hub:{name.name}")
    try:
        stream = datasets.load_dataset(name.name, name.config, split=name.split, streaming=True)
        for number, values in enumerate(stream, 1):
            yield Row(f"hub:{name.name}:{name.split} row {number}", values)
    except (OSError, ValueError, datasets.exceptions.DatasetsError) as error:
        said = " ".join(str(error).split()) or type(error).__name__
        raise DataError(f"hub:{name.name}: {said}; write hub:NAME@CONFIG:SPLIT, with the hub within reach") from error


def _kind(path: Path) -> str:
    """The suffix that says how a file is read, "" for a file that is not."""
    inner = Path(path.stem).suffix.lower() if path.suffix.lower() in _PACKED else path.suffix.lower()
    return inner if inner in _READERS and (inner != ".parquet" or path.suffix.lower() == inner) else ""


def _open(path: Path) -> IO[str]:
    return _PACKED.get(path.suffix.lower(), open)(path, "rt", encoding="utf-8")


def _text_rows(path: Path) -> Iterator[Row]:
    with _open(path) as stream:
        yield Row(str(path), {"text": stream.read()})


def _json_line_rows(path: Path) -> Iterator[Row]:
    with _open(path) as lines:
        for number, line in enumerate(lines, 1):
            if not line.strip():
                continue
            place = f"{path}:{number}"
            try:
                values = json.loads(line)
            except ValueError as error:
                raise DataError(f"{place} is not JSON: {error}; each line must hold one object") from error
            yield Row(place, _record(values, place))


def _json_rows(path: Path) -> Iterator[Row]:
    with _open(path) as stream:
        try:
            values = json.load(stream)
        except json.JSONDecodeError as error:
            raise DataError(f"{path} is not JSON: {error}; one object a line goes into a .jsonl file") from error
    if isinstance(values, dict) and isinstance(values.get("data"), list):
        yield from _squad_rows(values["data"], path)
        return
    if not isinstance(values, list):
        raise DataError(f"{path} holds neither a list of objects nor questions in SQuAD's format; write one of the two")
    for number, value in enumerate(values, 1):
        yield Row(f"{path} item {number}", _record(value, f"{path} item {number}"))


def _squad_rows(articles: list[Any], path: Path) -> Iterator[Row]:
    """One row a question: Rajpurkar et al. 2016, 2018."""
    try:
        for article in articles:
            for paragraph in article["paragraphs"]:
                for q in paragraph["qas"]:
                    shared = {"title": article.get("title", ""), "context": paragraph["context"]}
                    yield Row(f"{path} question {q.get('id')}", {**q, **shared})
    except (KeyError, TypeError, AttributeError) as error:
        raise DataError(f"{path} is not in SQuAD's format: {error!r}") from error


def _parquet_rows(path: Path) -> Iterator[Row]:
    _library("pyarrow", str(path))
    import pyarrow
    import pyarrow.parquet

    number = 0
    try:
        with pyarrow.parquet.ParquetFile(path) as file:
            for batch in file.iter_batches(batch_size=_BATCH_ROWS):
                for values in batch.to_pylist():
                    number += 1
                    yield Row(f"{path} row {number}", values)
    except pyarrow.ArrowInvalid as error:
        raise DataError(f"{path} is damaged after row {number}: {error}; fetch it again") from error


def _saved_rows(folder: Path) -> Iterator[Row]:
    """A folder that `datasets.save_to_disk` wrote; of a dictionary of splits the one called train."""
    datasets = _library("datasets", str(folder))
    try:
        saved = datasets.load_from_disk(str(folder))
    except (OSError, ValueError, KeyError, datasets.exceptions.DatasetsError) as error:
        raise DataError(f"{folder} is not a whole folder of `datasets.save_to_disk`: {error}; save it again") from error
    if isinstance(saved, datasets.DatasetDict):
        if "train" not in saved:
            raise DataError(f"{folder} has the splits {', '.join(saved)} and no train; name one of its folders")
        saved = saved["train"]
    for number, values in enumerate(saved, 1):
        yield Row(f"{folder} row {number}", values)


def _record(value: object, place: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise DataError(f"{place} holds a {type(value).__name__}, not an object with named fields")
    return value


def _library(name: str, wanted_for: str) -> Any:
    import importlib

    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise DataError(f"reading {wanted_for} needs the package {name!r}; {_INSTALL}") from error


_READERS: dict[str, Callable[[Path], Iterator[Row]]] = {
    **dict.fromkeys(TEXT_SUFFIXES, _text_rows),
    ".jsonl": _json_line_rows,
    ".json": _json_rows,
    ".parquet": _parquet_rows,
}
