# `make run` starts the dashboard, `make test` checks everything; both prepare what they need.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# Processes that run tests: more than cores, because many tests wait for browsers and other programs.
WORKERS ?= 4

# Tests that notice a forgotten registration: a question, setting, error, rule kind, format or document left out of a list.
QUICK := tests/test_architecture.py tests/test_docs.py tests/test_errors.py tests/test_language.py tests/test_settings.py \
         tests/query/questions/test_catalog.py tests/query/engine/test_sql_files.py

.PHONY: run demo test quick check docs screenshots screenshots-all coverage clean

run: $(VENV)/run.stamp
	$(BIN)/streamlit run streamlit_app.py

demo: $(VENV)/run.stamp
	$(BIN)/python -m obs_core demo

test: $(VENV)/test.stamp check
	$(BIN)/python tests/browser/prepare.py
	$(BIN)/python -m pytest -n $(WORKERS)

quick: $(VENV)/test.stamp check
	$(BIN)/python -m pytest -q -n $(WORKERS) $(QUICK)

check: $(VENV)/test.stamp  # runs every tool, then fails if one of them did
	@failed=; \
	for tool in "lint-imports" "mypy" "ruff format --check" "ruff check"; do \
		echo "$$tool"; $(BIN)/$$tool || failed="$$failed [$$tool]"; \
	done; \
	[ -z "$$failed" ] || { echo "failed:$$failed"; exit 1; }

docs: $(VENV)/test.stamp  # the site, in build/site
	$(BIN)/mkdocs build --strict  # not --quiet: it would hide warnings from --strict

screenshots: $(VENV)/test.stamp  # docs/images, from the demo
	$(BIN)/python tests/browser/prepare.py
	$(BIN)/python -m docs.screenshots

coverage: $(VENV)/test.stamp
	$(BIN)/python tests/browser/prepare.py
	$(BIN)/python -m pytest -n $(WORKERS) --cov --cov-report=term:skip-covered

$(VENV)/bin/python:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make PYTHON=python3.11 …")'
	$(PYTHON) -m venv $(VENV)

$(VENV)/run.stamp: requirements.txt | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt
	touch $@

$(VENV)/test.stamp: requirements.txt tests/requirements.txt docs/requirements.txt pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt -r tests/requirements.txt -r docs/requirements.txt -e .
	touch $@

screenshots-all: $(VENV)/test.stamp  # every page, both themes, three widths: build/screenshots
	$(BIN)/python tests/browser/prepare.py
	$(BIN)/python -m tests.screenshots

clean:
	rm -rf $(VENV) build *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .coverage*
