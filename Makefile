# Needs python3 (3.11 or newer) and make; everything else is installed into .venv.
PYTHON ?= python3
BIN = .venv/bin
export PIP_DISABLE_PIP_VERSION_CHECK = 1

.PHONY: demo test test-full lint bench clean

demo: .venv/ready
	$(BIN)/runverdict demo

test: .venv/ready-dev
	$(BIN)/python -m pytest -n auto -m "not full"

test-full: .venv/ready-full
	$(BIN)/python -m pytest -n auto --dist loadgroup

lint: .venv/ready-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/runverdict catalogue check

bench: .venv/ready-dev
	$(BIN)/python -m tests.benchmarks.check_300mb

.venv/ready: pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "runverdict needs Python 3.11 or newer; try: make PYTHON=python3.12")'
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable .
	touch $@

.venv/ready-dev: .venv/ready
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[dev]'
	touch $@

# ZetaSQL evaluates GoogleSQL.
.venv/ready-full: .venv/ready-dev
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[dev,full]'
	touch $@

clean:
	rm -rf .venv dist build .pytest_cache .mypy_cache .ruff_cache .hypothesis
