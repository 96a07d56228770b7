# Everything runs in .venv, which the first target that needs it creates.
# With another Python: make PYTHON=python3.12

PYTHON ?= python3
BIN := .venv/bin
INSTALLED := .venv/.installed
DOCS_INSTALLED := .venv/.installed-docs
BENCH := .venv/bench
# Commands start in half the time with bytecode, which Python may be told not to write itself.
UV_INSTALL := $(BIN)/uv pip install --quiet --compile-bytecode --python $(BIN)/python -c constraints.txt

.PHONY: demo test sweep lint check format docs bench

demo: $(INSTALLED)  ## train on synthetic streets, score, predict
	$(BIN)/feedbackward demo

# One thread per worker: the tests already run on all cores.
test: $(INSTALLED)  ## all tests except the slow ones
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n auto --dist worksteal

# Every supported encoder of timm: about two and a half hours on two cores. The largest, swinv2_cr_giant_*, needs 30 GB
# of memory and swap.
sweep: $(INSTALLED)  ## the contract test of every encoder
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist loadgroup -m "slow or not slow" tests/models/test_contract.py

lint: $(INSTALLED)  ## check format, lint and types
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

check: lint test  ## all that must pass before a merge

format: $(INSTALLED)  ## format the sources
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

docs: $(DOCS_INSTALLED)  ## build the documentation into site/
	$(BIN)/mkdocs build --strict

bench: $(BENCH)/.installed  ## time to build a network; time to evaluate, compared with the official Cityscapes evaluator
	$(BIN)/python benchmarks/build_time.py
	$(BENCH)/bin/python benchmarks/evaluation_time.py

$(INSTALLED): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' || { \
	  echo "error: feedbackward needs Python 3.10 or later, but '$(PYTHON)' is older or not installed." >&2; \
	  echo "Choose another: make $(MAKECMDGOALS) PYTHON=/path/to/python3.12" >&2; exit 1; }
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet -c constraints.txt uv
	$(UV_INSTALL) -e ".[dev]"
	$(BIN)/python -m compileall -q src
	@touch $@

$(DOCS_INSTALLED): $(INSTALLED)
	$(UV_INSTALL) -e ".[dev,docs]"
	@touch $@

# The official evaluator needs an older numpy: it gets its own environment.
$(BENCH)/.installed: $(INSTALLED)
	$(BIN)/python -m venv $(BENCH)
	$(BIN)/uv pip install --quiet --python $(BENCH)/bin/python -e . "cityscapesScripts==2.3.0" "numpy<2.4"
	@touch $@
