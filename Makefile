# Everything runs in .venv, which the first target that needs it creates.
# With another Python: make PYTHON=python3.12

PYTHON ?= python3
BIN := .venv/bin
INSTALLED := .venv/.installed
DOCS_INSTALLED := .venv/.installed-docs
RELEASE_INSTALLED := .venv/.installed-release
FUZZ_INSTALLED := .venv/.installed-fuzz
BENCH := .venv/bench
OTHER := .venv/other
ZENSICAL := .venv/zensical
FRESH := build/release/fresh
# Commands start in half the time with bytecode, which Python may be told not to write itself.
UV_INSTALL := $(BIN)/uv pip install --quiet --compile-bytecode --python $(BIN)/python -c constraints.txt

.PHONY: demo test test-oldest test-python slow sweep fuzz lint check format docs docs-zensical bench bench-compare bench-evaluation audit release

demo: $(INSTALLED)  ## train on synthetic streets, score, predict
	$(BIN)/feedbackward demo

# One thread per worker: the tests already run on all cores.
test: $(INSTALLED)  ## all tests except the slow ones
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n auto --dist worksteal

# Warnings are errors with the pinned versions only: old packages warn about each other.
test-oldest:  ## all tests except the slow ones with the oldest versions that pyproject.toml admits
	$(MAKE) test-python RESOLUTION="--resolution lowest-direct" PYTEST="-W default" PYTHON=$(PYTHON)

RESOLUTION := -c constraints.txt
test-python: $(INSTALLED)  ## the same with another Python, in an environment of its own: make test-python PYTHON=python3.13
	$(PYTHON) -m venv --clear --without-pip $(OTHER)
	$(BIN)/uv pip install --quiet --compile-bytecode --python $(OTHER)/bin/python $(RESOLUTION) -e ".[dev]"
	$(BIN)/uv pip list --python $(OTHER)/bin/python
	OMP_NUM_THREADS=1 $(OTHER)/bin/python -m pytest -n auto --dist worksteal $(PYTEST)

slow: $(INSTALLED)  ## the slow tests, except those of every encoder
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n auto --dist worksteal -m slow --ignore tests/models/test_contract.py

# Every supported encoder of timm: about two and a half hours on two cores. The largest, swinv2_cr_giant_*, needs 30 GB
# of memory and swap.
sweep: $(INSTALLED)  ## the contract test of every encoder
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist loadgroup -m "slow or not slow" tests/models/test_contract.py

# READERS is the time in seconds for each reader of files.
READERS ?= 60
fuzz: $(FUZZ_INSTALLED)  ## property tests with many random cases, then mutated files for each reader
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n auto --dist worksteal -m hypothesis --hypothesis-profile thorough
	OMP_NUM_THREADS=1 $(BIN)/python tests/fuzz/coverage_guided.py $(READERS)

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

# A trial of the successor of mkdocs-material, which ends in May 2027, in an environment of its own.
docs-zensical: $(INSTALLED)  ## build the documentation with Zensical from the same mkdocs.yml
	$(PYTHON) -m venv --clear --without-pip $(ZENSICAL)
	$(BIN)/uv pip install --quiet --python $(ZENSICAL)/bin/python "zensical==0.0.73" "mkdocstrings[python]>=0.29"
	$(ZENSICAL)/bin/zensical build --clean

# To see what a change has moved, on an idle machine: make bench JSON=build/old.json, change it, make bench JSON=build/new.json,
# make bench-compare OLD=build/old.json NEW=build/new.json
JSON ?= build/bench.json
bench: $(INSTALLED)  ## time what users wait for, into one JSON file: make bench JSON=FILE
	@mkdir -p build
	$(BIN)/python benchmarks/bench.py --json $(JSON)

bench-compare: $(INSTALLED)  ## what has moved by more than its spread: make bench-compare OLD=FILE NEW=FILE
	$(BIN)/python benchmarks/bench_compare.py $(OLD) $(NEW)

bench-evaluation: $(BENCH)/.installed  ## time to evaluate, compared with the official Cityscapes evaluator
	$(BENCH)/bin/python benchmarks/evaluation_time.py

# A version known to be vulnerable tells whether a service answers: without one pip-audit may find nothing to complain of.
AUDIT := $(BIN)/pip-audit --strict --progress-spinner off --no-deps --disable-pip
audit: $(RELEASE_INSTALLED)  ## known vulnerabilities of the pinned versions
	@mkdir -p build && echo jinja2==2.10 > build/vulnerable.txt
	@$(AUDIT) --requirement build/vulnerable.txt --format json 2> build/audit.log | grep -q fix_versions || { \
	  tail -n 1 build/audit.log >&2; \
	  echo "error: no vulnerability service could be reached; nothing was audited. Run it where one can be." >&2; \
	  exit 3; }
	$(AUDIT) --requirement constraints.txt

release: $(RELEASE_INSTALLED)  ## build HEAD into dist/, twice and equal; install and try the wheel; list its packages
	release/build.sh $(BIN)
	$(BIN)/python -m venv --clear --without-pip $(FRESH)
	$(BIN)/uv pip install --quiet --python $(FRESH)/bin/python -c constraints.txt dist/*.whl
	$(FRESH)/bin/python release/try_installed.py build/release/first
	$(BIN)/cyclonedx-py environment $(FRESH)/bin/python --pyproject build/release/first/pyproject.toml \
	  --mc-type library --output-reproducible -o dist/sbom.cdx.json
	@echo "dist/ is complete: $$(ls dist | tr '\n' ' ')"

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

$(RELEASE_INSTALLED): $(INSTALLED)
	$(UV_INSTALL) -e ".[dev,release]"
	@touch $@

$(FUZZ_INSTALLED): $(INSTALLED)
	$(UV_INSTALL) -e ".[dev,fuzz]"
	@touch $@

# The official evaluator needs an older numpy: it gets its own environment.
$(BENCH)/.installed: $(INSTALLED)
	$(BIN)/python -m venv $(BENCH)
	$(BIN)/uv pip install --quiet --python $(BENCH)/bin/python -e . "cityscapesScripts==2.3.0" "numpy<2.4"
	@touch $@
