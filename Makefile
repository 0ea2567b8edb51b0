# Everything happens in .venv; delete it to start afresh.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt
BUNDLE ?= models/bundles/street
RECIPE ?= street
CHECKPOINT ?= runs/$(RECIPE)/weights.safetensors
OUT ?= out/$(RECIPE)
SOAK_REQUESTS ?= 10000
SOAK_LIMIT_S ?= 1500
SOAK_SEED ?= 0
FUZZ_SECONDS ?= 60
# These tests kill threads from outside, as nothing does in production: a process of their own.
THREADED := tests/server tests/soak server

.PHONY: help serve test check check-rest check-compile bench soak train export clean

help: ## What can be made
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*##/	/' | expand -t 10

serve: $(VENV)/serve.done ## Install what serving needs and start the server on http://localhost:8000
	$(BIN)/python -m server --bundle $(BUNDLE)

test: $(VENV)/develop.done check ## Install everything and run every check

check: $(VENV)/develop.done ## The gate: format, lint, types, layers, tests
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m pytest -m "not compile" $(THREADED)
	$(MAKE) --jobs 2 --output-sync=target check-rest check-compile

check-rest: $(VENV)/develop.done
	$(BIN)/python -m pytest -m "not compile" $(THREADED:%=--ignore=%)

# Tracing and compiling takes one core for ten minutes, as long as the rest takes the other.
check-compile: $(VENV)/develop.done
	JAXTYPING_DISABLE=1 $(BIN)/python -m pytest -m compile

bench: $(VENV)/develop.done ## Latency, memory and accuracy on this machine; minutes to hours
	JAXTYPING_DISABLE=1 $(BIN)/python -m pytest tests/benchmarks -s
	$(BIN)/python -m training evaluate $(BUNDLE)

soak: $(VENV)/soak.done ## Overload, lost clients, garbage, dying workers: SOAK_REQUESTS within SOAK_LIMIT_S; then fuzzing
	$(BIN)/python -m tests.soak --requests $(SOAK_REQUESTS) --limit-s $(SOAK_LIMIT_S) --seed $(SOAK_SEED)
	for target in images forms tensors manifests; do \
		$(BIN)/python -m tests.fuzz $$target --seconds $(FUZZ_SECONDS) || exit 1; \
	done

train: $(VENV)/develop.done ## Train RECIPE (default: street), from its last checkpoint if there is one
	OMP_PROC_BIND=true OMP_PLACES=cores $(BIN)/python -m training $(RECIPE)

export: $(VENV)/develop.done ## Write the bundle OUT from CHECKPOINT and check it in every engine
	$(BIN)/python -m export onnx $(CHECKPOINT) $(OUT)
	$(BIN)/python -m export verify $(OUT) --checkpoint $(CHECKPOINT)

clean: ## Remove the environment and everything that was made; runs/ stays
	rm -rf $(VENV) out build *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/serve.done: pyproject.toml constraints.txt | $(BIN)/python
	$(PIP) --editable ".[cpu,server]"
	touch $@

$(VENV)/develop.done: pyproject.toml constraints.txt | $(BIN)/python
	$(PIP) --editable ".[cpu,train,export,server,dev]"
	$(PIP) --no-deps timm
	touch $@ $(VENV)/serve.done

$(VENV)/soak.done: $(VENV)/develop.done
	$(PIP) --editable ".[fuzz]"
	touch $@
