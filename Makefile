# make demo   from nothing but Python 3.11+ and make to an emulated board's per-layer table (no root, wheels only)
# make test   everything that is checked before a change lands
# make help   the other targets

PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
PIP    := $(BIN)/python -m pip --disable-pip-version-check --quiet
WORKERS ?= 2

.PHONY: help demo test test-full lint format types status bench kernels cycle-model memory docs clean cases

help:
	@sed -n 's/^# \(make .*\)/\1/p' Makefile
	@echo "make test-full   the whole matrix: more examples, slow cases"
	@echo "make cases       compare every operator 2,000 times; the counts go to docs/conformance.md"
	@echo "make lint        ruff, mypy and clang-format"
	@echo "make status      regenerate docs/status.md: bytes and instructions of every model on every emulated board, and"
	@echo "                 docs/layers.md: instructions of every layer on one of them"
	@echo "make bench       regenerate docs/pipeline.md, which has times of this machine"
	@echo "make kernels     regenerate docs/performance.md: what every model executes on each core (a quarter of an hour)"
	@echo "make cycle-model regenerate docs/cycle_model.md: estimated cycles beside published ones (a few minutes; CMSIS_NN_ROOT)"
	@echo "make memory      regenerate docs/memory.md: what memory plans reach, built and run (a quarter of an hour)"
	@echo "make docs        regenerate the generated parts of docs/"
	@echo "make clean       remove the virtual environment and build folders"

$(VENV)/.base:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "edgekit needs Python 3.11 or newer; $(PYTHON) is $$($(PYTHON) --version). Try: make $(MAKECMDGOALS) PYTHON=python3.12"; exit 1; }
	@$(PYTHON) -m venv $(VENV) || \
	  { echo "$(PYTHON) cannot make virtual environments here. On Debian and Ubuntu: apt-get install python3-venv"; exit 1; }
	@touch $@

$(VENV)/.demo: $(VENV)/.base pyproject.toml
	@echo "installing edgekit, its bundled toolchain and emulator into $(VENV) (wheels only) ..."
	@$(PIP) install -e '.[emulator,toolchain]'
	@touch $@

$(VENV)/.test: $(VENV)/.base pyproject.toml
	@sh tools/system_packages.sh
	@echo "installing edgekit with what its tests need into $(VENV) ..."
	@$(PIP) install -e '.[test,lint]'
	@touch $@ $(VENV)/.demo

demo: $(VENV)/.demo
	@sh tools/demo.sh $(abspath $(BIN))

test: $(VENV)/.test lint
	$(BIN)/python -m pytest -n $(WORKERS)

test-full: $(VENV)/.test lint
	$(BIN)/python -m pytest -n $(WORKERS) --full --timeout=7200

cases: $(VENV)/.test
	$(BIN)/python -m pytest -n $(WORKERS) --full --timeout=7200 tests/conformance --write-cases

lint: $(VENV)/.test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	git ls-files '*.c' '*.h' ':!tests/golden' | xargs $(BIN)/clang-format --dry-run --Werror

format: $(VENV)/.test
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	git ls-files '*.c' '*.h' ':!tests/golden' | xargs $(BIN)/clang-format -i

status: $(VENV)/.test
	$(BIN)/python -m benchmarks.status -j $(WORKERS)
	$(BIN)/python -m benchmarks.layers

bench: $(VENV)/.test
	$(BIN)/python -m benchmarks.pipeline

kernels: $(VENV)/.test
	$(BIN)/python -m benchmarks.kernels --write

cycle-model: $(VENV)/.test
	$(BIN)/python -m benchmarks.cycle_model

memory: $(VENV)/.test
	$(BIN)/python -m benchmarks.memory

docs: $(VENV)/.test
	$(BIN)/python -m tools.generate_docs

clean:
	rm -rf $(VENV) build dist examples/*/build
