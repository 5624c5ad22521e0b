# Targets call tools; no logic lives here. `make demo` and `make test` need a Debian-like machine with Python 3.11 and root.
PYTHON ?= python3
VENV := .venv
INV := $(VENV)/bin/inv
ENV ?= lab
# Tests wait for hosts more than they compute, so a worker more than there are cores of a small machine. Those of one
# module share hosts: one worker runs them, in their order.
WORKERS ?= 3
PYTEST := $(VENV)/bin/pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder

.PHONY: bench bench-quick demo test check lint types unit lab-tests soak reference setup deploy rollback status logs preflight clean

demo: $(VENV)/.ready
	$(INV) lab.demo

test: $(VENV)/.ready lint types
	$(PYTEST)

check: lint types unit

lint: $(VENV)/.ready
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/shellcheck -s sh -S style remote/scripts/*.sh remote/*/scripts/*.sh edgepaas_tasks/lab/image/lab-devices \
		edgepaas_tasks/lab/image/lab-mounts edgepaas_tasks/lab/image/packages edgepaas_tasks/lab/image/postgres-start edgepaas_tasks/lab/image/registry-start
	$(VENV)/bin/codespell
	$(VENV)/bin/zizmor --offline --quiet .github/workflows

types: $(VENV)/.ready
	$(VENV)/bin/mypy

unit: $(VENV)/.ready
	$(PYTEST) tests/unit tests/scripts tests/tasks

lab-tests: $(VENV)/.ready
	$(PYTEST) tests/lab

soak: $(VENV)/.ready
	EDGEPAAS_SOAK=1 $(PYTEST)

# Against other tools, side by side; about 16 minutes on an idle machine. The figures go into docs/performance.md.
bench: $(VENV)/.ready
	$(VENV)/bin/python -m bench --write docs/performance.md

# Pages that are made from the code: docs/settings.md and docs/tasks.md.
reference: $(VENV)/.ready
	$(VENV)/bin/python -m edgepaas_tasks.reference docs

bench-quick: $(VENV)/.ready
	$(VENV)/bin/python -m bench --quick

setup deploy rollback status logs preflight: $(VENV)/.ready
	$(INV) $@ --env $(ENV)

$(VENV)/.ready: requirements.txt pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(VENV)/bin/pip install --quiet --disable-pip-version-check -r requirements.txt
	touch $@

clean:
	rm -rf $(VENV) .bench build *.egg-info .mypy_cache .ruff_cache .pytest_cache
