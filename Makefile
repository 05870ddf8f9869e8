# Every target makes the environment it needs; nothing has to be set up by hand.
PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
ARGS   ?=
PIP    := $(BIN)/python -m pip --disable-pip-version-check --quiet

.PHONY: demo test soak fuzz lint format bench package test-frozen clean qt-libs test-libs

demo: qt-libs $(VENV)/.app
	$(BIN)/plugdeck demo $(ARGS)

test: qt-libs test-libs $(VENV)/.dev
	QT_QPA_PLATFORM=offscreen $(BIN)/python -m pytest $(ARGS)

# 20,000 jobs through 500 faults; CHAOS_SEED, CHAOS_JOBS and CHAOS_FAULTS change that. Prints a table at the end. Then a
# project of 100,000 assets through three kills; BATCH_ASSETS changes that.
soak: $(VENV)/.dev
	$(BIN)/python -m pytest tests/chaos tests/e2e/test_batch.py -m soak -s $(ARGS)

# N inputs over all targets, from a seed that is printed (FUZZ_SEED=…); the tests run 2,000 with a fixed one.
N ?= 100000
fuzz: $(VENV)/.dev
	FUZZ_INPUTS=$(N) $(BIN)/python -m pytest tests/fuzz -s -o timeout=0 $(ARGS)

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(VENV)/.dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: qt-libs $(VENV)/.dev
	$(BIN)/python -m tests.bench $(ARGS)

package:
	$(PYTHON) packaging/make.py $(ARGS)

# The end-to-end tests against a frozen app: make test-frozen PLUGDECK_APP=build/frozen/plugdeck/plugdeck
test-frozen: qt-libs $(VENV)/.dev
	@test -x "$(PLUGDECK_APP)" || { echo "Name the frozen command line: make test-frozen PLUGDECK_APP=build/frozen/plugdeck/plugdeck"; exit 1; }
	PLUGDECK_APP="$(abspath $(PLUGDECK_APP))" QT_QPA_PLATFORM=offscreen $(BIN)/python -m pytest tests/e2e $(ARGS)

qt-libs:
	@sh packaging/qt-libs.sh

test-libs:
	@sh packaging/test-libs.sh

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' || \
	  { echo "Plugdeck needs Python 3.11 to 3.13; name one with: make PYTHON=python3.11"; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/.app: $(VENV)/bin/python pyproject.toml packaging/constraints.txt
	@echo "Installing what Plugdeck needs; this takes a minute or two the first time."
	$(PIP) install -c packaging/constraints.txt -e .
	@touch $@

$(VENV)/.dev: $(VENV)/bin/python pyproject.toml packaging/constraints.txt
	@echo "Installing what Plugdeck and its tests need; this takes a minute or two the first time."
	$(PIP) install -c packaging/constraints.txt -e '.[dev]'
	@touch $@ $(VENV)/.app

clean:
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis
