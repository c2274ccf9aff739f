# Everything sets itself up: a virtual environment of its own from python3 and a package index.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
TEST_PYTHONS ?= 3.11 3.12 3.13

.PHONY: help demo test test-all torture fuzz lint types contracts unit format proto bench lock data screenshots clean

help: ## List the targets
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "  %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

# The marker is made anew whenever the requirements change, or the environment's Python does.
$(VENV)/.run: requirements.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "wf needs Python 3.11 or newer; name one: make PYTHON=/path/to/python3.11 $(MAKECMDGOALS)"; exit 2; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps -e .
	@# The first start need not compile what it imports.
	$(BIN)/python -m compileall -q server tui proto
	@touch $@

$(VENV)/.dev: $(VENV)/.run requirements-dev.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	@touch $@

demo: $(VENV)/.run ## Erase a satellite's disks in the console, on a private server
	@if [ -t 0 ] && [ -t 1 ]; then exec $(BIN)/wf-tui --demo; else exec $(BIN)/wf --demo erase-satellite aap --yes; fi

test: lint types contracts unit ## Lint, types, import contracts, all tests

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/.dev
	$(BIN)/mypy

contracts: $(VENV)/.dev
	$(BIN)/lint-imports

# So many tests at a time; a file's tests stay together, for the servers that they share.
WORKERS ?= 2
unit: $(VENV)/.dev
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile

test-all: ## make test, and the tests on every other installed Python of TEST_PYTHONS
	@set -e; for v in $(TEST_PYTHONS); do \
	  if python$$v -c '' 2>/dev/null; then echo "== Python $$v"; \
	    $(MAKE) --no-print-directory PYTHON=python$$v VENV=.venv-$$v unit; \
	  else echo "== Python $$v is not installed: not tested"; fi; done

# Other seeds every time, printed; the same again: make torture SEED=... Half an hour; a night: EXAMPLES=6000
SEED ?= $(shell date +%s)
LIVES ?= 2000
EXAMPLES ?= 300
torture: $(VENV)/.dev ## Crash the server LIVES times, and stop it a hundred times with 1,000 jobs running
	WF_TORTURE_SEED=$(SEED) WF_TORTURE_LIVES=$(LIVES) WF_TORTURE_EXAMPLES=$(EXAMPLES) WF_TORTURE_STOPS=100 \
	  $(BIN)/python -m pytest tests/torture -s --hypothesis-seed=$(SEED) --show-capture=no

# Seconds for each kind of input; the same again: make fuzz SEED=...
FUZZ ?= 30
fuzz: $(VENV)/.dev ## Feed damaged frames, messages, files for FUZZ seconds each; with atheris where that can be had
	$(BIN)/python -m tests.fuzz $(FUZZ) $(SEED)
	@if $(BIN)/python -m pip install --quiet --disable-pip-version-check 'atheris>=2.3' 2>/dev/null; then \
	  for t in frames messages JSON configuration CEL iCalendar YAML; do echo "== atheris: $$t"; \
	    $(BIN)/python -m tests.fuzz $(FUZZ) $(SEED) atheris $$t 2>&1 | grep -E '^(Done|==|.*(ERROR|Exception|exceeded|Error:))' ; done; \
	else echo "atheris cannot be installed here: not used"; fi

format: $(VENV)/.dev ## Format the code
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

proto: $(VENV)/.dev ## Regenerate proto/wf_proto/_gen from the contract
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python proto/generate.py proto/wf_proto/_gen

data: $(VENV)/.run ## Regenerate the sample inventory
	$(BIN)/python data/generate.py data

bench: $(VENV)/.dev ## Measure against the budgets and print the table
	$(BIN)/python -m tests.bench

screenshots: $(VENV)/.dev ## Take the README's pictures of the real console on a private server
	$(BIN)/python -m tests.screenshots screenshots

lock: ## Pin the dependencies anew (needs uv)
	uv pip compile --quiet --universal --python-version 3.11 --no-emit-index-url --no-emit-find-links --no-header --no-annotate pyproject.toml -o requirements.txt
	uv pip compile --quiet --universal --python-version 3.11 --no-emit-index-url --no-emit-find-links --no-header --no-annotate --extra dev --extra web -c requirements.txt pyproject.toml -o requirements-dev.txt

clean: ## Remove what the other targets made
	rm -rf .venv .venv-* .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache dist
