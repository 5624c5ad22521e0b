# Targets call tools; no logic lives here. `make demo` and `make test` need a Debian-like machine with Python 3.11 and root.
PYTHON ?= python3
VENV := .venv
INV := $(VENV)/bin/inv
ENV ?= lab

.PHONY: demo test check lint types unit lab-tests soak setup deploy rollback status clean

demo: $(VENV)/.ready
	$(INV) lab.demo

test: $(VENV)/.ready lint types
	$(VENV)/bin/pytest

check: lint types unit

lint: $(VENV)/.ready
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/shellcheck -s sh -S style remote/scripts/*.sh edgepaas_tasks/lab/image/lab-devices \
		edgepaas_tasks/lab/image/lab-mounts edgepaas_tasks/lab/image/packages edgepaas_tasks/lab/image/postgres-start

types: $(VENV)/.ready
	$(VENV)/bin/mypy

unit: $(VENV)/.ready
	$(VENV)/bin/pytest tests/unit tests/scripts tests/tasks

lab-tests: $(VENV)/.ready
	$(VENV)/bin/pytest tests/lab

soak: $(VENV)/.ready
	EDGEPAAS_SOAK=1 $(VENV)/bin/pytest

setup deploy rollback status: $(VENV)/.ready
	$(INV) $@ --env $(ENV)

$(VENV)/.ready: requirements.txt pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(VENV)/bin/pip install --quiet --disable-pip-version-check -r requirements.txt
	touch $@

clean:
	rm -rf $(VENV) build *.egg-info .mypy_cache .ruff_cache .pytest_cache
