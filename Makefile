# make demo: the orders example as a timeline.  make test: every test.  Both set up what they need in .venv.
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
VENV ?= .venv
BIN := $(VENV)/bin

.PHONY: demo test lint bench clean

demo: $(VENV)/.examples
	@$(BIN)/python examples/orders.py

test: $(VENV)/.test
	$(BIN)/python -m pytest -n auto --dist loadfile --no-loadscope-reorder $(ARGS)

lint: $(VENV)/.lint $(VENV)/.test
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

bench: $(VENV)/.bench
	$(BIN)/python bench/run.py

clean:
	rm -rf $(VENV)

# One stamp for each extra, renewed when pyproject.toml changes.
$(VENV)/.%: pyproject.toml | $(VENV)
	@echo "setting up $(VENV) for: $*" >&2
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[$*]'
	@touch $@

$(VENV):
	@test -n "$(PYTHON)" || { echo "minisqs needs Python 3.11 or newer; none of python3, python3.11 to python3.13 is" >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV)
