# Set-up included: every target makes .venv first, from constraints.txt.
PYTHON ?= python3
WORKSPACE ?= workspace
BIN := .venv/bin
# Bytecode is kept, whatever the shell says: without it every process compiles and rewrites each test file anew.
PYTEST := PYTHONDONTWRITEBYTECODE= $(BIN)/python -m pytest
# A thread each: two processes with two threads on two cores wait for one another most of the time.
SIDE_BY_SIDE := OMP_NUM_THREADS=1 $(PYTEST) --numprocesses 2 --dist worksteal

.PHONY: demo serve test test-fast drill lint fix clean

.venv/made: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --constraint constraints.txt --editable ".[test]"
	touch $@

demo: .venv/made  ## close the loop on the embedded model
	$(BIN)/python launch.py demo --workspace $(WORKSPACE)

serve: .venv/made  ## open the pages
	test -f $(WORKSPACE)/feedback.db || { $(BIN)/python launch.py init --workspace $(WORKSPACE) && \
		$(BIN)/python launch.py generate --prompts 100 --workspace $(WORKSPACE); }
	$(BIN)/python launch.py serve --workspace $(WORKSPACE)

test: .venv/made  ## every test; those in a browser need Chromium
	$(SIDE_BY_SIDE) -m "not e2e"
	$(PYTEST) -m e2e

test-fast: .venv/made  ## what needs neither a browser nor a minute
	$(SIDE_BY_SIDE) -m "not slow and not e2e"

drill: .venv/made  ## kill, lock and double things, and see that nothing is lost
	OMP_NUM_THREADS=1 $(BIN)/python -m tests.drills

lint: .venv/made
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

fix: .venv/made
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean:
	rm -rf .venv build *.egg-info
