"""A service that answers every question with one canned answer: `python fake_service.py PORT`, or in a thread."""

from __future__ import annotations

import json
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

TEXT = "A bigram model predicts the next token from the current token alone."
QUOTE = "the current token alone"
ANSWER: dict[str, Any] = {
    "answer": QUOTE,
    "abstained": False,
    "confidence": 0.9,
    "timings_ms": {"total": 12.0},
    "citations": [
        {"document_id": "d1", "path": "bigram.md", "quote": QUOTE, "start": TEXT.index(QUOTE),
         "end": TEXT.index(QUOTE) + len(QUOTE), "page": None, "line_start": 3, "cell": None}
    ],
}  # fmt: skip


class Service(ThreadingHTTPServer):
    """Answers every question with `answer`, and is ready."""

    answer: dict[str, Any] | None = ANSWER

    def __init__(self, port: int = 0) -> None:
        super().__init__(("127.0.0.1", port), Handler)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class Handler(BaseHTTPRequestHandler):
    server: Service

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        if url.path != "/v1/documents/d1/text":
            return self.reply(200, {})
        start, end = (int(parse_qs(url.query)[name][0]) for name in ("start", "end"))
        return self.reply(200, {"document_id": "d1", "text": TEXT[start:end]})

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        if self.server.answer is None:
            self.reply(503, {"title": "not ready"})
        else:
            self.reply(200, self.server.answer)

    def reply(self, status: int, body: dict[str, Any]) -> None:
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: Any) -> None:
        """Silent."""


if __name__ == "__main__":
    Service(int(sys.argv[1])).serve_forever()
