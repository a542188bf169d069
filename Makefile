# Needs Python 3.11 or newer and make; everything else is installed into .venv.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check install -qq

.PHONY: help demo test test-integration check format locks clean

help:  ## What there is
	@grep -E '^[a-z-]+:.*##' Makefile | sed 's/:.*##/ \t/' | expand -t 20

demo: $(VENV)/.core  ## Watch the agent learn a person, ask, and answer
	@$(BIN)/personalagent demo

test: $(VENV)/.dev  ## The fast tests: no network, no key, no GPU
	$(BIN)/python -m pytest -n 2 --dist loadfile

test-integration: $(VENV)/.dev  ## A real LangGraph server, sdist to wheel to a clean environment
	$(BIN)/python -m pytest -m integration

check: $(VENV)/.dev  ## Format, lint, types, import rules
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(VENV)/.dev  ## Format and sort imports
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

locks: $(VENV)/.dev  ## Pin the dependencies anew, with hashes
	$(PIP) uv
	$(BIN)/uv pip compile -q --upgrade --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	  --group dev pyproject.toml -o requirements/dev.lock
	$(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	  -c requirements/dev.lock --group build pyproject.toml -o requirements/core.lock

clean:  ## Remove what make has made
	rm -rf $(VENV) .venv-* dist build .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "PersonalAgent needs Python 3.11 or newer; set PYTHON=python3.11")'
	$(PYTHON) -m venv $(VENV)

$(VENV)/.core: requirements/core.lock pyproject.toml | $(BIN)/python
	@echo "Installing into $(VENV) (about a minute, once) ..."
	@$(PIP) --require-hashes -r requirements/core.lock
	@$(PIP) --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/.dev: requirements/dev.lock $(VENV)/.core
	@echo "Installing the development tools into $(VENV) ..."
	@$(PIP) --require-hashes -r requirements/dev.lock
	@touch $@
