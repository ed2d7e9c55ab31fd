#!/usr/bin/env bash
# Index a folder, start the service, show one cited answer, keep serving until Ctrl-C. Called by `make run`.
#
# Environment: BIN (folder with studygpt), DOCS (a file or a folder), DATA (data folder), PORT, QUESTION (asked once the
# service is ready; empty: the one of smoke.sh), ONCE (not empty: stop after the answer; exit status 0 if it came).
set -euo pipefail
cd "$(dirname "$0")/.."

: "${BIN:?}" "${DOCS:?}" "${DATA:?}" "${PORT:?}" "${QUESTION:=}" "${ONCE:=}" "${READY_TIMEOUT_S:=300}"
host=127.0.0.1  # this machine only, as there are no user accounts
url="http://$host:$PORT"
service=""

stop() {
    if [ -n "$service" ] && kill -0 "$service" 2>/dev/null; then
        kill -TERM "$service"
        wait "$service" || true
    fi
}
trap stop EXIT
trap 'exit 0' INT TERM

# Whoever answers on the port already would be mistaken for the service that is about to start.
"$BIN/python" - "$host" "$PORT" <<'PYTHON'
import socket, sys
host, port = sys.argv[1], int(sys.argv[2])
with socket.socket() as probe:
    probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        probe.bind((host, port))
    except OSError as error:
        sys.exit(f"cannot listen on {host}:{port} ({error.strerror}); choose another with PORT=8001")
PYTHON

echo "indexing $DOCS into $DATA"
"$BIN/studygpt" --data "$DATA" index "$DOCS"

"$BIN/studygpt" --data "$DATA" serve --host "$host" --port "$PORT" &
service=$!

ready() {
    "$BIN/python" - "$url/readyz" <<'PYTHON'
import sys, urllib.error, urllib.request
try:
    urllib.request.urlopen(sys.argv[1], timeout=2)
except (urllib.error.URLError, OSError):
    sys.exit(1)
PYTHON
}

deadline=$((SECONDS + READY_TIMEOUT_S))
until ready; do
    if ! kill -0 "$service" 2>/dev/null; then
        echo "the service ended before it was ready; its message stands above" >&2
        exit 1
    fi
    if [ "$SECONDS" -ge "$deadline" ]; then
        echo "the service was not ready after $READY_TIMEOUT_S s" >&2
        exit 1
    fi
    sleep 0.3
done

status=0
PYTHON="$BIN/python" deploy/smoke.sh "$url" "$QUESTION" || status=$?
if [ -n "$ONCE" ]; then
    exit "$status"
fi
echo
echo "studygpt is at $url - open it in a browser; Ctrl-C stops it"
wait "$service"
