# `make` lists the targets. Each sets up its own virtual environment first; nothing else is needed.
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
# Two processes, as a test has one thread and CI two cores; a file stays in one, and files with few
# but long tests do not come last.
SIDE_BY_SIDE := --numprocesses 2 --dist loadfile --no-loadscope-reorder
BENCH_VENV := .venv-bench
BENCH_INSTALLED := $(BENCH_VENV)/.installed
SITE_VENV := .venv-site
SITE_INSTALLED := $(SITE_VENV)/.installed
BENCH_RESULTS := runs/benchmarks
FROM := HEAD
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: help setup demo test-quick test test-all fuzz docs site lint generate changed-code bench clean
.DEFAULT_GOAL := help

help:  ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1\t/' | \
		awk -F'\t' '{printf "  make %-12s %s\n", $$1, $$2}'

setup: $(INSTALLED)  ## make the virtual environment .venv

$(INSTALLED): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "specformer needs Python 3.11 or newer; try: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[export,test]'
	@touch $@

demo: setup  ## compile, train, translate and score the embedded default (about five minutes)
	@$(BIN)/specformer compile demo
	@test -d data/demo || $(BIN)/specformer corpus data/demo
	@$(BIN)/specformer train demo --out runs/demo $$(test -d runs/demo && echo --resume)
	@$(BIN)/specformer evaluate runs/demo
	@echo
	@echo "Read the code that ran:  generated/demo/model.py"
	@echo "Translate more:          $(BIN)/specformer translate runs/demo"
	@echo "Explain the model:       $(BIN)/specformer explain demo"
	@echo "Train a variant:         $(BIN)/specformer train demo --set model.attention.heads=8 --out runs/heads-8"

test-quick: setup  ## run at least one test of every file that has fast ones (under four minutes)
	@$(BIN)/python -m pytest -m 'quick and not slow' $(SIDE_BY_SIDE)

test: setup  ## run all tests but the slow ones (about twenty minutes)
	@$(BIN)/python -m pytest -m 'not slow' $(SIDE_BY_SIDE)

test-all: setup  ## run all tests, with the slow ones (hours)
	@$(BIN)/python -m pytest $(SIDE_BY_SIDE)

fuzz: setup  ## break 20,000 specs and demand located errors
	@$(BIN)/python -m tests.fuzz

docs: setup  ## write the pages of docs/ that are made from code
	@$(BIN)/python -m pytest tests/docs --update-golden

site: $(SITE_INSTALLED)  ## the pages of docs/ as HTML, in site/: open site/index.html
	@NO_MKDOCS_2_WARNING=1 $(SITE_VENV)/bin/mkdocs build --quiet --strict
	@echo "Open site/index.html. Search needs a server: $(PYTHON) -m http.server --directory site"

$(SITE_INSTALLED): pyproject.toml constraints.txt docs/constraints.txt
	$(PYTHON) -m venv $(SITE_VENV)
	$(SITE_VENV)/bin/python -m pip install --quiet \
		--constraint constraints.txt --constraint docs/constraints.txt \
		$$($(PYTHON) -c 'import tomllib; \
		print(*tomllib.load(open("pyproject.toml", "rb"))["project"]["optional-dependencies"]["docs"])')
	@touch $@

lint: setup  ## ruff and mypy over everything
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy compiler runtime generated/*/

generate: setup  ## write generated/, the golden files and the hashes of other generated code anew
	@$(BIN)/specformer compile $(subst _,-,$(patsubst generated/%/,%,$(wildcard generated/*/)))
	@$(BIN)/python -m pytest -q tests/compiler/test_library.py tests/compiler/test_cases.py \
		tests/compiler/diff -k 'not emitted and not lock' --update-golden

changed-code: setup  ## show how all generated code differs from a commit's: make changed-code [FROM=HEAD]
	@place=$$(mktemp -d) && trap "rm -r $$place" EXIT && \
		git archive $(FROM) compiler specs tests | tar -x -C $$place && \
		$(BIN)/python -m tests.support.hashes $$place/present && \
		cd $$place && $(abspath $(BIN))/python -m tests.support.hashes former && \
		{ git diff --no-index former present || true; }

bench: $(BENCH_INSTALLED)  ## our speed beside other people's: make bench DATA=FOLDER [RUN=RUN]
	@$(BENCH_VENV)/bin/python -m benchmarks.train $(if $(DATA),--data $(DATA)) \
		--out $(BENCH_RESULTS)/train.json
	@sleep 90  # or the load that the first has left would stop the second
	@$(BENCH_VENV)/bin/python -m benchmarks.decode --int8 $(if $(DATA),--data $(DATA)) \
		$(if $(RUN),--run $(RUN)) --out $(BENCH_RESULTS)/decode.json
	@$(BENCH_VENV)/bin/python -m benchmarks.report $(BENCH_RESULTS)/train.json \
		$(BENCH_RESULTS)/decode.json --out docs/benchmarks.md

$(BENCH_INSTALLED): pyproject.toml constraints.txt benchmarks/constraints.txt
	$(PYTHON) -m venv $(BENCH_VENV)
	$(BENCH_VENV)/bin/python -m pip install --quiet --constraint constraints.txt \
		--constraint benchmarks/constraints.txt --editable '.[bench]'
	@touch $@

clean:  ## remove the virtual environment and caches; runs and data stay
	rm -rf $(VENV) $(BENCH_VENV) $(SITE_VENV) site .pytest_cache .mypy_cache .ruff_cache
