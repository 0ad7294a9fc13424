# Two commands do everything: `make demo` and `make test`. Both build the environment in .venv if it is not there.

PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin
JOBS ?= 2
VERSION := $(shell $(PYTHON) -c 'import sys; print("%d.%d" % sys.version_info[:2])')

.PHONY: help demo test test-all tests lint types case-studies renew docs benchmarks notebooks requirements clean

help:
	@echo 'make demo          the main job: a race found, explained and cured, in pictures (half a minute with set-up)'
	@echo 'make test          ruff, mypy and all tests on two processes (about eight minutes on two cores)'
	@echo 'make test-all      the same on every Python of 3.11, 3.12 and 3.13 that is installed'
	@echo 'make lint types    the fast part: seconds'
	@echo 'make tests PYTEST="-k Cancel"   some tests'
	@echo 'make case-studies  the published packages of docs/case_studies.md, installed apart and explored (two minutes)'
	@echo 'make renew         recorded counterexamples and tokens, made anew after a change'
	@echo 'make reference     docs/reference.md, made anew from docstrings'
	@echo 'make docs          the pages as a site in docs/_build/html, every warning an error'
	@echo 'make benchmarks    benchmarks, measured anew into data files that the pages quote (run nothing else meanwhile)'
	@echo 'make notebooks     notebooks, executed'
	@echo 'make requirements  pinned requirements for the running Python'
	@echo 'make clean         no environments and caches'

demo: $(VENV)/.installed
	$(BIN)/everyturn demo

# Types are checked beside the tests: one process does it, which would leave a core idle.
test: lint
	$(MAKE) --no-print-directory --jobs=2 types tests

# The whole suite on those of Python 3.11, 3.12 and 3.13 that are installed, each in an environment of its own.
test-all: lint types
	.ci/test_all

# Compiled first, also where the environment has Python keep no byte code: tests start hundreds of interpreters.
tests: $(VENV)/.installed
	$(BIN)/python -m compileall -q model impl sim examples
	$(BIN)/python -m pytest -n $(JOBS) $(PYTEST)

# Other people's packages as they are, in an environment of their own: here a package that is missing is a failure.
case-studies: .venv-cases/.installed
	EVERYTURN_CASE_STUDIES=1 .venv-cases/bin/python -m pytest tests/sim/test_case_studies.py $(PYTEST)

.venv-cases/.installed: pyproject.toml
	$(PYTHON) -m venv .venv-cases
	.venv-cases/bin/python -m pip install --quiet --disable-pip-version-check -e '.[case-studies]' pytest hypothesis
	touch $@

# The recorded counterexamples, after a change of what runs are made of; those that could not be renewed are named.
renew: $(VENV)/.installed
	$(BIN)/python -m tests.renew

lint: $(VENV)/.installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/.installed
	$(BIN)/mypy

# The reference of what `import everyturn` gives, from its docstrings.
reference: $(VENV)/.installed
	$(BIN)/python -m everyturn.front.reference docs/reference.md

# The pages as a site. A link or an anchor that leads nowhere is a warning, and so is a page that docs/README.md does not name.
docs: $(VENV)/.installed
	$(BIN)/python -m sphinx -b html --fail-on-warning --keep-going --nitpicky --quiet docs docs/_build/html

# Results as data files in benchmarks/results/, and the pages that quote them.
benchmarks: $(VENV)/.installed
	$(BIN)/python benchmarks/renew.py

# Executes each notebook's text and stores it beside, for readers with a browser only.
KERNEL := {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
notebooks: $(VENV)/.installed
	for each in notebooks/*.py; do \
		$(BIN)/jupytext --quiet --to ipynb --update-metadata '$(KERNEL)' "$$each" && \
		$(BIN)/jupyter-nbconvert --log-level ERROR --to ipynb --execute --inplace "$${each%.py}.ipynb" || exit 1; \
	done

$(VENV)/.installed: requirements/python$(VERSION).txt pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r $<
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	touch $@

# Pins what is installed, with hashes and without addresses, for the running Python version.
requirements:
	$(PYTHON) -m piptools compile --quiet --generate-hashes --allow-unsafe --no-emit-index-url --no-emit-trusted-host --no-emit-find-links \
		--strip-extras --no-header --extra dev --extra docs --extra build --output-file requirements/python$(VERSION).txt pyproject.toml

clean:
	rm -rf $(VENV) .venv-* docs/_build .mypy_cache .pytest_cache .ruff_cache
