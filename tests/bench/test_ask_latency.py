"""How long an answer takes and how much memory the service needs, over HTTP, on the sample notes and on a large folder.

pytest -m bench tests/bench/test_ask_latency.py -s
"""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LARGE = ROOT.parent / "shared" / "data" / "study"
N_QUESTIONS = 100
BOUND_MS = 1000  # an answer that takes longer is broken, whatever the machine is doing


def questions() -> list[str]:
    sample = json.loads((ROOT / "tests" / "sample_questions.json").read_text())
    asked = [q["question"] if isinstance(q, dict) else q for kind in sample.values() for q in kind]
    return [asked[i % len(asked)] for i in range(N_QUESTIONS)]


def ask(url: str, question: str) -> dict:
    body = json.dumps({"question": question}).encode()
    request = urllib.request.Request(f"{url}/v1/ask", data=body, headers={"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=60) as response:
        return json.load(response)


def wait_until_ready(url: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 300
    while time.monotonic() < deadline and process.poll() is None:
        try:
            urllib.request.urlopen(f"{url}/readyz", timeout=5)
        except (urllib.error.URLError, OSError):
            time.sleep(0.2)
        else:
            return
    pytest.fail("the service did not become ready")


@pytest.mark.bench
@pytest.mark.parametrize("folder", [ROOT / "api" / "sample_notes", LARGE], ids=["sample notes", "large folder"])
def test_answers_over_http(folder: Path, tmp_path: Path) -> None:
    """p50 and p95 of 100 questions asked one after the other, and the peak resident memory of the service."""
    if not folder.is_dir():
        pytest.skip(f"no folder {folder}")
    command = [sys.executable, "-m", "api.cli", "--data", str(tmp_path)]
    subprocess.run([*command, "index", str(folder)], check=True, stdout=subprocess.DEVNULL)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    with subprocess.Popen([*command, "serve", "--port", str(port)], stderr=subprocess.DEVNULL) as service:
        try:
            wait_until_ready(url, service)
            ask(url, "What is a warm-up?")
            times, answers = [], []
            for question in questions():
                started = time.perf_counter()
                answers.append(ask(url, question))
                times.append(1000 * (time.perf_counter() - started))
            status = Path(f"/proc/{service.pid}/status").read_text()
        finally:
            service.terminate()
    peak_mib = next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM")) / 1024
    times.sort()
    p50, p95 = times[len(times) // 2], times[int(0.95 * len(times))]
    read = sorted(a["timings_ms"]["read"] for a in answers)[len(answers) // 2]
    print(f"\n{folder.name}: p50 {p50:.0f} ms (read {read:.0f}), p95 {p95:.0f} ms, peak memory {peak_mib:.0f} MiB")  # noqa: T201
    assert all(answer["abstained"] or answer["verified"] for answer in answers)
    assert p95 < BOUND_MS
