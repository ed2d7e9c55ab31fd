#!/usr/bin/env bash
# On the rented machine, from a checkout of the repository: take in the parcels that came with this call; once all are
# here, train in the background; wait; lay what there is to bring home into $OUT. Call it again to wait on.
#
# Environment: OUT (results; default: none), STORE (kept between calls), WAIT_S (how long to wait for the training),
# PART (what to collect, see results.py; empty: the furthest that is done), DEVICE, PYTHON.
set -euo pipefail
cd "$(dirname "$0")/../.."

: "${OUT:=}" "${STORE:=/tmp/studygpt}" "${WAIT_S:=540}" "${PART:=}" "${DEVICE:=cuda}" "${PYTHON:=python3}"
export STORE DEVICE PYTHON PYTHONPATH="$STORE/site"
mkdir -p "$STORE/parcels"

running() { [ -s "$STORE/pid" ] && kill -0 "$(cat "$STORE/pid")" 2>/dev/null; }

install_wheels() { # only what the machine lacks: it may have newer packages of its own
    if ! "$PYTHON" -c 'import torch, numpy, scipy, tiktoken, safetensors' 2>/dev/null; then
        "$PYTHON" -m pip install -q --no-index --no-deps --target "$STORE/site" "$STORE"/bundle/wheels/*.whl
    fi
}

copy_code() { # to run from $1, since the next call may replace this checkout
    rm -rf "$1" && mkdir -p "$1"
    cp -r gpt deploy "$1/"
}

check() { # while parcels still arrive, the GPU can show that it works
    copy_code "$STORE/check"
    (cd "$STORE/check" && exec setsid "$PYTHON" -u -m deploy.gpu.check "$DEVICE") > "$STORE/check.txt" 2>&1 < /dev/null &
    echo $! > "$STORE/check.pid"
}

end_check() {
    for _ in $(seq 60); do
        kill -0 "$(cat "$STORE/check.pid" 2>/dev/null || echo none)" 2>/dev/null || return 0
        sleep 1
    done
    kill "$(cat "$STORE/check.pid")" || true
}

start() { # detached: it outlives the call
    end_check
    copy_code "$STORE/code"
    rm -f "$STORE/exit"
    : >> "$STORE/log.txt" # read below, perhaps before the run has opened it
    # shellcheck disable=SC2016  # the inner shell expands them
    setsid bash -c 'cd "$STORE/code" && "$PYTHON" -u -m deploy.gpu.train "$STORE" "$DEVICE"; echo $? > "$STORE/exit"' \
        >> "$STORE/log.txt" 2>&1 < /dev/null &
    echo $! > "$STORE/pid"
}

if [ ! -d "$STORE/bundle" ]; then
    if [ -d .gpu/parcels ]; then
        cp -r .gpu/parcels/. "$STORE/parcels/"
    fi
    status=0
    "$PYTHON" -m deploy.gpu.parcels join "$STORE/parcels" "$STORE/bundle" || status=$?
    if [ "$status" -eq 3 ]; then # not all here yet
        if [ "$DEVICE" = cuda ] && [ ! -e "$STORE/check.pid" ]; then
            check
        fi
        cat "$STORE/check.txt" 2>/dev/null || true
        exit 0
    elif [ "$status" -ne 0 ]; then
        exit "$status"
    fi
    rm -rf "$STORE/parcels"
fi

if ! running && [ "$(cat "$STORE/exit" 2>/dev/null || echo none)" != 0 ]; then
    install_wheels
    start
fi

deadline=$((SECONDS + WAIT_S))
while running && [ "$SECONDS" -lt "$deadline" ]; do
    sleep 1
done

cat "$STORE/check.txt" 2>/dev/null || true
tail -n 40 "$STORE/log.txt"
if [ -n "$OUT" ]; then
    mkdir -p "$OUT"
    # shellcheck disable=SC2086  # an empty PART is no argument
    "$PYTHON" -m deploy.gpu.results collect "$STORE" "$OUT" $PART
fi
if running; then
    echo "still training; call again"
else
    exit "$(cat "$STORE/exit" 2>/dev/null || echo 1)"
fi
