# Needs python3 (3.11 or newer) and make; everything else is installed into .venv.
PYTHON ?= python3
BIN = .venv/bin
AXE = 4.14.1
export PIP_DISABLE_PIP_VERSION_CHECK = 1

.PHONY: demo test test-full test-live lint docs fuzz sbom audit mutation picture pictures judgement bench image clean

demo: .venv/ready
	$(BIN)/runverdict demo

# Tests write and remove thousands of small files, which memory takes faster than a disk; where 4 GB of it are free, and
# programs may be run there.
ROOM = $$(df -Pk /dev/shm 2>/dev/null | awk 'NR == 2 {print $$4}')
NO_PROGRAMS = grep -qs ' /dev/shm [^ ]* [^ ]*noexec' /proc/mounts
SCRATCH = $(shell ! $(NO_PROGRAMS) && test "$(ROOM)" -gt 4000000 2>/dev/null && echo /dev/shm || echo "$${TMPDIR:-/tmp}")

# One worker more than there are cores, for tests also wait; each with one thread of polars, for they are many. What the
# tests wrote is kept where one failed.
test: .venv/ready-dev
	folder=$$(mktemp -d $(SCRATCH)/runverdict-tests.XXXXXX) && chmod 755 $$folder && \
	TMPDIR=$$folder POLARS_MAX_THREADS=1 $(BIN)/python -m pytest -n $$(($$(getconf _NPROCESSORS_ONLN) + 1)) --dist loadfile -m "not full and not live" && \
	rm -rf $$folder

test-full: .venv/ready-full
	$(BIN)/python -m pytest -n auto --dist loadgroup -m "full and not live"

test-live: .venv/ready-full
	$(BIN)/python -m pytest -m live
	$(BIN)/python -m tests.bigquery.live --out live.md

lint: .venv/ready-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/runverdict catalogue check
	$(BIN)/cog --check README.md

docs: .venv/ready-dev
	$(BIN)/cog -r README.md
	$(BIN)/python -c 'from pipeline.report.schema import verdict_schema; print(verdict_schema(), end="")' > pipeline/judge/verdict.schema.json
	$(BIN)/python -c 'from pathlib import Path; from pipeline.aggregate.snapshots import write; write(Path("sql/duckdb"))'

# First what each bounded input costs, in memory and time.
fuzz: .venv/ready-dev
	$(BIN)/python -m tests.fuzz.bounded
	$(BIN)/python -m tests.fuzz

# The tools have an environment of their own, so that they stand in no list of what is installed.
sbom: .venv/ready .venv/sbom
	.venv/sbom/bin/cyclonedx-py environment --output-format JSON --output-file sbom.json $(BIN)/python

audit: .venv/ready .venv/sbom
	$(BIN)/python -m pip freeze --exclude-editable > .venv/installed.txt
	.venv/sbom/bin/pip-audit --no-deps --disable-pip --requirement .venv/installed.txt

.venv/sbom:
	$(PYTHON) -m venv $@
	$@/bin/python -m pip install --quiet cyclonedx-bom pip-audit

mutation: .venv/ready-dev
	$(BIN)/python -m tests.mutation

picture: .venv/ready-full
	$(BIN)/python -m tests.picture .github/report.png

# Every kind of page at three widths, light, dark and on paper: to be looked at after a change.
pictures: .venv/ready-full
	$(BIN)/python -m tests.report.gallery pictures

# What deploy/Dockerfile makes, built without a registry: root, buildah and mmdebstrap.
image:
	bash tests/image.sh

judgement: .venv/ready-dev
	$(BIN)/python -m tests.benchmarks.judgement
	$(BIN)/python -m tests.benchmarks.judgement.audit
	$(BIN)/python -m tests.benchmarks.sequential

bench: .venv/ready-dev
	$(BIN)/python -m tests.benchmarks.speed
	$(BIN)/python -m tests.benchmarks.judgement

.venv/ready: pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "runverdict needs Python 3.11 or newer; try: make PYTHON=python3.12")'
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable .
	touch $@

.venv/ready-dev: .venv/ready
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[dev]'
	touch $@

# ZetaSQL evaluates GoogleSQL. The emulator wants other versions of what we use, so it has an environment of its own.
.venv/ready-full: .venv/ready-dev tests/bigquery/constraints.txt
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[dev,full]'
	test -x /usr/bin/chromium || { apt-get update -qq && apt-get install -qq -y --no-install-recommends chromium; }
	npm install --silent --no-save --ignore-scripts --prefix .venv/axe axe-core@$(AXE)
	$(PYTHON) -m venv .venv/bqemulator
	.venv/bqemulator/bin/python -m pip install --quiet --constraint tests/bigquery/constraints.txt bqemulator duckdb duckdb-extension-spatial numpy
	touch $@

clean:
	rm -rf .venv dist build .pytest_cache .mypy_cache .ruff_cache .hypothesis
