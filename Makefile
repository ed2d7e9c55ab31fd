# `make run` and `make test` do everything on a fresh machine; `make help` lists the rest.

PYTHON   ?= python3
VENV     ?= .venv
DOCS     ?= api/sample_notes
DATA     ?= .data
PORT     ?= 8000
QUESTION ?=
ONCE     ?=
TORCH    ?= $(shell sed -n 's/^torch==//p' requirements.lock)

BIN := $(VENV)/bin
READY := $(VENV)/.ready
export BIN DOCS DATA PORT QUESTION ONCE  # for deploy/run.sh

.PHONY: help run test env lint types tests lock clean

help:  ## list the targets
	@sed -n 's/^\([a-z]*\):.*## /  make \1\t/p' $(MAKEFILE_LIST)

run: env  ## index DOCS into DATA, serve on PORT, show one cited answer; stop with Ctrl-C (ONCE=1: stop at once)
	@deploy/run.sh

test: env lint types tests  ## environment, ruff, mypy, pytest

env: $(READY)  ## make the environment from requirements.lock

$(READY): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "studygpt needs Python 3.11 or newer as $(PYTHON); set PYTHON=/path/to/python3.11" >&2; exit 1; }
	@test -x $(BIN)/pip || $(PYTHON) -m venv $(VENV)
	@echo "installing the locked packages into $(VENV); the first time takes minutes"
	$(BIN)/python -m pip install --quiet --quiet --requirement requirements.lock
	$(BIN)/python -m pip install --quiet --quiet --no-deps --editable .
	@touch $@

lint:
	$(BIN)/ruff check .

types:
	$(BIN)/mypy

tests:
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n auto --maxprocesses 4

lock: env  ## resolve the dependencies anew into requirements.lock (TORCH=version)
	$(BIN)/python -m pip install --quiet --quiet --dry-run --ignore-installed --report $(VENV)/report.json \
		"torch==$(TORCH)" ".[train,dev]"
	$(BIN)/python deploy/lock.py < $(VENV)/report.json > requirements.lock.new
	mv requirements.lock.new requirements.lock

clean:  ## remove the environment and the caches; DATA is left alone
	rm -rf $(VENV) .pytest_cache .ruff_cache .mypy_cache .hypothesis
