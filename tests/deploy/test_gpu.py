"""What travels to a rented GPU arrives whole or is refused, what it makes comes home whole, and a run started there goes on
between the calls."""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import asdict, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from deploy.gpu import check, found, pack, results, train
from deploy.gpu.parcels import MIB, Damaged, Incomplete, cut, join, main
from gpt.budget import stage_configs
from gpt.checkpoint import load_latest, save_step
from gpt.config import GPTConfig, Recipe, TrainConfig, recipe
from gpt.distant import found_file
from gpt.reader import Reader
from gpt.reading_data import N_NEGATIVES
from gpt.squad import Article, Paragraph, SquadQuestion, load_articles, save_articles
from gpt.stages import passages_for
from gpt.written import PACKED, written_articles
from tests.architecture import imports, read_sources, top
from tests.gpt.test_distant import LAENNEC, TEXTS, Pointing

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "folder"
    (made / "deep" / "er").mkdir(parents=True)
    (made / "deep" / "er" / "random").write_bytes(np.random.default_rng(0).bytes(50_000))
    (made / "text").write_text("read me")
    (made / "empty").write_text("")
    return made


def contents(folder: Path) -> dict[str, bytes]:
    return {f.relative_to(folder).as_posix(): f.read_bytes() for f in folder.rglob("*") if f.is_file()}


def test_a_folder_in_pieces_is_the_folder_again(folder: Path, tmp_path: Path) -> None:
    pieces = cut(folder, tmp_path / "out", "x", 7_000)
    assert all(piece.stat().st_size <= 7_000 for piece in pieces)
    assert len(pieces) == len(list((tmp_path / "out").iterdir())) - 1
    join(tmp_path / "out", tmp_path / "again")
    assert contents(tmp_path / "again") == contents(folder)


def test_equal_folders_make_equal_pieces(folder: Path, tmp_path: Path) -> None:
    cut(folder, tmp_path / "a", "x", 7_000)
    os.utime(folder / "text", (0, 0))
    cut(folder, tmp_path / "b", "x", 7_000)
    assert contents(tmp_path / "a") == contents(tmp_path / "b")


def test_pieces_that_arrive_one_by_one_are_waited_for(folder: Path, tmp_path: Path) -> None:
    parcels = pack.make_parcels(folder, tmp_path / "parcels", "x", 0.015)
    assert [p.name for p in parcels] == ["00", "01", "02", "03"]
    here = tmp_path / "here"
    for i, parcel in enumerate(parcels):
        (here / parcel.name).mkdir(parents=True)
        for file in parcel.iterdir():
            (here / parcel.name / file.name).write_bytes(file.read_bytes())
        if i < len(parcels) - 1:
            with pytest.raises(Incomplete, match=rf"{i + 1} of 4 pieces are here; missing: x\.0{i + 1}"):
                join(here, tmp_path / "again")
            assert not (tmp_path / "again").exists()
    join(here, tmp_path / "again")
    assert contents(tmp_path / "again") == contents(folder)


def test_a_damaged_piece_and_parcels_of_two_runs_are_refused(folder: Path, tmp_path: Path) -> None:
    pieces = cut(folder, tmp_path / "out", "x", 30_000)
    pieces[1].write_bytes(b"0" * pieces[1].stat().st_size)
    with pytest.raises(Damaged, match=r"x\.01 is damaged"):
        join(tmp_path / "out", tmp_path / "again")
    assert not (tmp_path / "again").exists()
    (folder / "text").write_text("another run")
    cut(folder, tmp_path / "out" / "more", "x", 30_000)
    with pytest.raises(Damaged, match="different runs"):
        join(tmp_path / "out", tmp_path / "again")
    with pytest.raises(Damaged, match="no parcel under"):
        join(folder / "deep", tmp_path / "again")


def test_the_command_tells_waiting_from_damage(folder: Path, tmp_path: Path) -> None:
    assert main(["cut", str(folder), str(tmp_path / "out"), "x", "0.02"]) == 0
    assert main(["join", str(tmp_path / "out"), str(tmp_path / "again")]) == 0
    (tmp_path / "out" / "x.00").unlink()
    assert main(["join", str(tmp_path / "out"), str(tmp_path / "once more")]) == 3
    assert main(["join", str(folder), str(tmp_path / "once more")]) == 1
    assert main(["pack"]) == 2


def test_every_file_that_a_later_stage_reads_travels_and_texts_do_not() -> None:
    chosen = replace(recipe("tiny"), text_files=("t.jsonl",), qa_files=("q.json",), definition_files=("d.jsonl",))
    assert pack.data_files(chosen) == ["d.jsonl", "q.json"]


def test_passages_for_open_questions_are_chosen_once_and_travel_without_what_is_not_needed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "qa").mkdir()
    asked = [asdict(LAENNEC)]
    (tmp_path / "qa" / "o.jsonl").write_text("".join(json.dumps(row) + "\n" for row in asked))
    title, _, body = TEXTS[0].partition("\n\n")
    body += "".join(
        f"\n{'Another heart beats elsewhere. ' * 15}{word}" for word in "one two three four five six".split()
    )
    (tmp_path / "t.jsonl").write_text(json.dumps({"title": title, "text": body}))
    chosen = replace(recipe("tiny"), open_questions=("qa/o.jsonl", "qa/none.jsonl"), open_texts=("t.jsonl",))
    looked: list[str] = []
    pointing: Any = Pointing("René Laennec")
    pointing.released = Reader.load().released
    monkeypatch.setattr(found.Reader, "load", lambda: looked.append("loaded") or pointing)
    whole = passages_for(chosen, tmp_path, [tmp_path / "qa" / "o.jsonl"], pointing)
    monkeypatch.setattr(found, "passages_for", lambda *given: looked.append("chosen") or passages_for(*given))
    for _ in range(2):
        [file] = found.pack_found(chosen, tmp_path, tmp_path / "found", tmp_path / "packed")
    assert looked == ["loaded", "chosen", "loaded"]
    assert file == found_file(tmp_path / "packed" / "qa" / "o.jsonl")
    [article], [before] = load_articles(file), whole
    assert [p for p in article.paragraphs if p.questions] == [p for p in before.paragraphs if p.questions]
    assert len(article.paragraphs) == 1 + N_NEGATIVES < len(before.paragraphs)
    (tmp_path / "qa" / "o.jsonl").write_text(json.dumps(asked[0] | {"question": "Who made the stethoscope in 1816?"}))
    found.pack_found(chosen, tmp_path, tmp_path / "found", tmp_path / "packed")
    assert looked[-1] == "chosen", "other questions"
    assert found.pack_found(replace(chosen, refit=None), tmp_path, tmp_path / "found", tmp_path / "packed") == []
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "qa" / "o.jsonl").rename(tmp_path / "elsewhere" / "o.jsonl")
    assert found.pack_found(chosen, tmp_path, tmp_path / "found", tmp_path / "packed") == []
    given = [tmp_path / "elsewhere" / "o.jsonl"]
    assert found.pack_found(chosen, tmp_path, tmp_path / "found", tmp_path / "packed", given) == [file]
    assert looked[-1] == "loaded", "the same questions as before"


def test_passages_that_were_chosen_before_travel_as_they_are(tmp_path: Path) -> None:
    words = [f"Paragraph {word} speaks of other hearts and lungs." for word in "one two three four five six".split()]
    asked = SquadQuestion("1", "Who invented it?", "It was René Laennec.", ("René Laennec",), (7,), False, "Hearts")
    article = Article("Hearts", (Paragraph(asked.context, (asked,)), *(Paragraph(text, ()) for text in words)))
    given = tmp_path / "elsewhere" / "none.found.json.xz"
    save_articles(given, [article])
    chosen = replace(recipe("tiny"), open_questions=("qa/o.jsonl", "qa/none.jsonl"))
    packed = [tmp_path / "packed" / "qa" / "none.found.json.xz"]
    assert found.pack_found(chosen, tmp_path, tmp_path / "found", tmp_path / "packed", [given]) == packed
    [there] = load_articles(packed[0])
    assert there.paragraphs[0] == article.paragraphs[0]
    assert len(there.paragraphs) == 1 + N_NEGATIVES, "those that will be taken as wrong ones"
    (tmp_path / "qa").mkdir()
    given.rename(tmp_path / "qa" / "none.found.json.xz")
    assert found.pack_found(chosen, tmp_path, tmp_path / "found", tmp_path / "packed") == packed, "of the data folder"


def test_written_questions_travel_with_their_paragraphs(tmp_path: Path) -> None:
    (tmp_path / "qa.json").write_text('{"data": []}')
    chosen = replace(recipe("tiny"), qa_files=("qa.json",), definition_files=(), refit=None, written=True)
    job = pack.Job("tiny", 1.0, ("reading",), (), None)
    for written in (True, False):
        pack.stage_bundle(replace(chosen, written=written), tmp_path, tmp_path / "staging", job)
        file = tmp_path / "staging" / "corpus" / PACKED
        assert file.is_file() == written
        if written:
            assert load_articles(file) == written_articles(tmp_path)
            assert written_articles(file.parents[1]) == written_articles(tmp_path)


def test_a_parcel_leaves_room_for_the_repository(tmp_path: Path) -> None:
    subprocess.run(["git", "init", "-q", tmp_path], check=True)
    (tmp_path / ".gitignore").write_text("ignored\n")
    (tmp_path / "ignored").write_bytes(b"0" * 3 * MIB)
    (tmp_path / "new").write_bytes(b"0" * 10 * MIB)
    assert pack.parcel_room(tmp_path) == pytest.approx(pack.CALL_MIB - pack.SPARE_MIB - 10, abs=0.01)


def arguments(**changed: object) -> argparse.Namespace:
    made = pack.parse(["--corpus", "nowhere", "--recipe", "tiny"])
    for name, value in changed.items():
        setattr(made, name, value)
    return made


def test_a_parcel_too_large_to_travel_is_refused(tmp_path: Path) -> None:
    with pytest.raises(pack.PackError, match=r"a parcel of 64\.0 MiB and the repository's files exceed 64 MiB"):
        pack.pack(arguments(parcel_mib=64.0, out=tmp_path))


def test_a_file_of_questions_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(pack.PackError, match=r"no file nowhere/open-questions\.jsonl; make it as tests/bench/"):
        pack.pack(arguments(open_questions=[Path("nowhere/open-questions.jsonl")], out=tmp_path))
    with pytest.raises(pack.PackError, match=r"other\.jsonl is none of .* it must be called open-questions\.jsonl or"):
        pack.pack(arguments(open_questions=[Path("other.jsonl")], out=tmp_path))


def save_run(run: Path, stage: str) -> dict[str, torch.Tensor]:
    weights = {"a": torch.randn(40, 8), "b": torch.randn(3)}
    groups = {"weights": weights, "average": weights, "optimizer": {"m": torch.zeros(9)}}
    save_step(run / stage, 7, groups, {"identity": {}, "tokens": 5, "seconds": 1.0, "loss": 2.0})
    (run / stage / "loss.jsonl").write_text('{"step": 1}\n')
    return weights


@pytest.fixture
def store(tmp_path: Path) -> Path:
    made = tmp_path / "store"
    run = made / "bundle" / "run"
    run.mkdir(parents=True)
    (run / "tokenizer.json").write_text("{}")
    (made / "log.txt").write_text("step 1\n")
    return made


def test_what_is_collected_is_the_furthest_part_that_is_done(store: Path, tmp_path: Path) -> None:
    run, home = store / "bundle" / "run", tmp_path / "home"
    results.collect(store, tmp_path / "0")
    assert results.join_run(tmp_path / "0", home) == ["log.txt", "tokenizer.json"]
    weights = save_run(run, "pretrain")
    (store / "status.json").write_text(json.dumps({"pretrain": {}}))
    results.collect(store, tmp_path / "1")
    assert "pretrain/step-0000007/average.safetensors" in results.join_run(tmp_path / "1", home)
    found = load_latest(home / "pretrain")
    assert found is not None
    assert found[1]["tokens"] == 5
    assert torch.equal(found[0]["average"]["a"], weights["a"].to(torch.bfloat16))
    (run / "released" / "tiny").mkdir(parents=True)
    (run / "released" / "tiny" / "card.md").write_text("a card")
    (store / "status.json").write_text(json.dumps({"pretrain": {}, "reading": {}, "release": {}}))
    results.collect(store, tmp_path / "2")
    names = results.join_run(tmp_path / "2", home)
    assert "released/tiny/card.md" in names
    assert not any("safetensors" in name for name in names)
    assert (home / "pretrain" / "loss.jsonl").is_file(), "what came before stays"
    results.collect(store, tmp_path / "3", "pretrain")
    assert "pretrain/step-0000007/average.safetensors" in results.join_run(tmp_path / "3", home)


def test_more_than_can_return_is_said(store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(results, "MAX_FILES", 1)
    with pytest.raises(Damaged, match="at most 0 return"):
        results.collect(store, tmp_path / "out")


def test_a_run_goes_on_from_weights_that_came_home(tmp_path: Path) -> None:
    earlier, run = tmp_path / "earlier", tmp_path / "run"
    save_run(earlier, "pretrain")
    (earlier / "tokenizer.json").write_text("a tokenizer")
    pack.take_pretrained(earlier, "pretrain", run)
    found = load_latest(run / "pretrain")
    assert found is not None
    assert set(found[0]) == {"average"}
    assert (run / "tokenizer.json").read_text() == "a tokenizer"


def test_the_check_runs_where_there_is_no_gpu(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture) -> None:
    small = replace(
        recipe("tiny"),
        model=GPTConfig(depth=1, aspect=16, head_dim=16, vocab_size=272, context_len=32),
        pretrain=TrainConfig(steps=1, batch_tokens=64, row_tokens=32),
        detect=TrainConfig(steps=1, batch_tokens=64, row_tokens=32),
        grow=None,
    )
    monkeypatch.setattr(check, "recipe", lambda name: small)
    check.main("cpu", "tiny", size=64)
    printed = capsys.readouterr().out
    assert "TFLOP/s" in printed
    assert re.findall(r"(\w+) tiny: [\d,]+ tokens/s", printed) == ["pretrain", "detect"]


WITHOUT = """
import sys
for name in sys.argv[1:]:
    sys.modules[name] = None
from deploy.gpu import check, parcels, results, train
"""


def test_what_runs_there_needs_no_package_that_is_not_there() -> None:
    there = {"torch", "numpy", "scipy", "tiktoken", "safetensors"}
    ours = {"gpt", "indexer", "rag", "api", "deploy", "__future__"}
    used = {top(name) for source in read_sources(ROOT) for _, name in imports(source)}
    missing = sorted(used - there - ours - sys.stdlib_module_names)
    assert {"apsw", "faiss", "matplotlib"} <= set(missing)
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT, *missing], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


FAKE_TRAINING = """#!/usr/bin/env bash
[ "$1" = -c ] && exit 0 # asked whether the packages are there
if [ "$3" = deploy.gpu.train ]; then
    echo "training on $5"
    for i in $(seq 100); do [ -e "$4/go" ] && break; sleep 0.05; done
    echo '{"pretrain": {}}' > "$4/status.json"
    exit "$(cat "$4/go")"
fi
exec %s "$@"
"""


class FailingRun:
    """In the place of a TimedRun: fails in one stage, and remembers what is released."""

    released: Recipe | None = None

    def __init__(self, chosen: Recipe, fails: str):
        self.recipe, self.fails, self.left = chosen, fails, 60.0

    def train(self, stage: str, *_: object) -> dict[str, int]:
        if stage == self.fails:
            raise torch.OutOfMemoryError("no room for a teacher")
        return {"steps": 5}

    def release(self, device: str) -> Path:
        FailingRun.released = self.recipe
        return Path("released/tiny")


def test_what_was_read_is_released_when_reading_on_fails(
    store: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    job = {"recipe": "tiny", "minutes": 1, "stages": list(stage_configs(recipe("tiny"))), "score": [], "limit": 1}
    (store / "bundle" / "job.json").write_text(json.dumps(job))
    model = SimpleNamespace(to=lambda device: None)
    monkeypatch.setattr(train.Reader, "load", lambda folder: SimpleNamespace(released=SimpleNamespace(model=model)))
    monkeypatch.setattr(train, "plot_run", lambda *_: None)
    after = (
        *(("refine", "reading"), ("refine2", "refine"), ("detect2", "refine2"), ("reading2", "refine2")),
        *(("refit", "reading2"), ("grow", "refit"), ("reinforce", "grow")),
    )
    for fails, kept in after:
        monkeypatch.setattr(train, "TimedRun", lambda chosen, *_, fails=fails: FailingRun(chosen, fails))
        assert train.main(store, "cpu") == 0
        assert FailingRun.released is not None
        assert list(stage_configs(FailingRun.released))[-1] == kept
        assert f"{fails} failed, so what was read before it is released" in capsys.readouterr().out
        done = list(json.loads((store / "status.json").read_text()))
        assert done[-2:] == ["detect2" if fails == "reading2" else kept, "release"]
        monkeypatch.setattr(train, "TimedRun", lambda chosen, *_: FailingRun(chosen, ""))
        assert train.main(store, "cpu") == 0, "started again, as after a device that is lost with the stage"
        assert list(stage_configs(FailingRun.released))[-1] == kept
        (store / "failed").unlink()
    monkeypatch.setattr(train, "TimedRun", lambda chosen, *_: FailingRun(chosen, "reading"))
    with pytest.raises(torch.OutOfMemoryError, match="no room"):
        train.main(store, "cpu")


def test_a_run_starts_when_all_is_there_goes_on_between_calls_and_is_started_again_after_a_failure(
    store: Path, tmp_path: Path
) -> None:
    bundle, there = store / "bundle", tmp_path / "there"
    (tmp_path / "python").write_text(FAKE_TRAINING % sys.executable)
    (tmp_path / "python").chmod(0o755)
    (bundle / "job.json").write_text("{}")
    checkout = tmp_path / "checkout"
    shutil.copytree(ROOT / "deploy" / "gpu", checkout / "deploy" / "gpu")
    (checkout / "gpt").mkdir()
    sent = checkout / ".gpu" / "parcels"
    sent.mkdir(parents=True)

    def call(wait_s: int = 0) -> subprocess.CompletedProcess[str]:
        environment = {"PATH": os.environ["PATH"], "STORE": str(there), "OUT": str(tmp_path / "out"), "DEVICE": "cpu"}
        return subprocess.run(
            [checkout / "deploy" / "gpu" / "run.sh"],
            env={**environment, "WAIT_S": str(wait_s), "PART": "logs", "PYTHON": str(tmp_path / "python")},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    parcels = pack.make_parcels(bundle, tmp_path / "parcels", "x", 0.004)
    assert len(parcels) > 1
    parcels[0].rename(sent / "00")
    waiting = call()
    assert (waiting.returncode, "missing: x.01" in waiting.stdout) == (0, True), waiting.stderr
    (sent / "00").rename(tmp_path / "sent before")  # each call brings its own parcel
    for parcel in parcels[1:]:
        parcel.rename(sent / parcel.name)
    started = call()
    assert (started.returncode, "still training" in started.stdout) == (0, True), started.stderr
    pid = (there / "pid").read_text()
    assert "still training" in call().stdout
    assert (there / "pid").read_text() == pid
    (there / "go").write_text("1")
    failed = call(wait_s=20)
    assert failed.returncode == 1
    (there / "go").write_text("0")
    done = call(wait_s=20)
    assert (done.returncode, done.stdout.count("training on cpu")) == (0, 2), done.stderr
    assert call().returncode == 0, "what is done is not done again"
    assert "status.json" in results.join_run(tmp_path / "out", tmp_path / "home")
