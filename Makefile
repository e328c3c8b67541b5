# Every target sets itself up, so each works as the first command on a fresh clone.
SHELL := /bin/sh
.DEFAULT_GOAL := help

python ?= python3
bin := .venv/bin
locks := deploy/locks

# Nothing calls home.
export DVC_NO_ANALYTICS := 1
export DO_NOT_TRACK := 1
export MLFLOW_DISABLE_TELEMETRY := true
export STREAMLIT_BROWSER_GATHER_USAGE_STATS := false

.PHONY: help setup repro test check ui serve dashboard up bench drill docs lock browser format

help: ## this list
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sort | awk -F ':.*## ' '{printf "make %-10s %s\n", $$1, $$2}'

setup: .venv/run.stamp ## the environment that the pipeline and the programs run in

repro: .venv/run.stamp ## everything, from synthetic images to registered ONNX versions
	$(bin)/blemish doctor --lock
	$(bin)/dvc repro
	$(bin)/blemish sync

# Each worker takes whole files. Those that train with all cores or drive a browser come after the
# others, the longest first, and no more than two at once.
heavy := tests/pipeline tests/browser

test: .venv/development.stamp browser ## the whole test suite
	@$(bin)/python -m pytest --numprocesses auto --dist loadfile $(addprefix --ignore ,$(heavy)); \
		light=$$?; \
		$(bin)/python -m pytest --numprocesses 2 --dist loadfile --no-loadscope-reorder $(heavy) \
			&& exit $$light

check: .venv/development.stamp ## lint, format, strict types, import layers, dependencies, docs
	$(bin)/ruff check .
	$(bin)/ruff format --check .
	$(bin)/mypy
	$(bin)/lint-imports --no-cache
	$(bin)/deptry src stages
	$(bin)/python -m pytest -q tests/test_contract.py
	$(bin)/sphinx-build -W --keep-going -q docs docs/_build/html

docs: .venv/development.stamp ## the documentation site, in docs/_build/html
	$(bin)/sphinx-build -W --keep-going docs docs/_build/html

format: .venv/development.stamp ## bring the code into its one format
	$(bin)/ruff format .
	$(bin)/ruff check --fix .

ui: .venv/run.stamp ## the MLflow UI on the embedded store
	$(bin)/blemish ui

serve: .venv/run.stamp ## the HTTP API
	$(bin)/blemish serve

dashboard: .venv/run.stamp ## the dashboard
	$(bin)/blemish dashboard

up: .venv/run.stamp ## MLflow UI, API and dashboard together; Ctrl-C ends all three
	@sh deploy/up

bench: .venv/development.stamp ## the benchmarks; writes benchmarks/results.json
	$(bin)/python benchmarks/run.py

drill: .venv/development.stamp ## the slow fault drills, a line each
	$(bin)/python -m pytest -m drill --no-header -q -rA tests/drills tests/fuzz

lock: .venv/development.stamp ## compile the locks anew
	sh $(locks)/compile

browser: ## a Chromium for the tests, found or installed
	@sh tests/browser/ensure

# torch first and by version: its CPU wheel has another hash than its default one.
.venv/python.stamp: $(locks)/numerics.txt
	@$(python) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Python 3.11 or newer is needed; $(python) is $$($(python) --version). Name one: make python=python3.11 setup"; exit 1; }
	@$(python) -c 'import venv, ensurepip' || \
		{ echo "Python's venv module is missing. Install it: sudo apt-get install python3-venv"; exit 1; }
	@test -x $(bin)/python || $(python) -m venv .venv
	$(bin)/python -m pip install --quiet "$$(grep '^torch==' $(locks)/numerics.txt)"
	@touch $@

.venv/run.stamp: .venv/python.stamp $(locks)/run.txt pyproject.toml
	@test -e .venv/development.stamp || \
		$(bin)/python -m pip install --quiet --require-hashes --no-deps -r $(locks)/run.txt
	$(bin)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

.venv/development.stamp: .venv/python.stamp $(locks)/development.txt pyproject.toml
	$(bin)/python -m pip install --quiet --require-hashes --no-deps -r $(locks)/development.txt
	$(bin)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@ .venv/run.stamp
