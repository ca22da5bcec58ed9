# What one does with a checkout. `make help` lists it; nothing here needs more than make and Python.
#
# Works with GNU make 3.81 (macOS) and later. Each step leaves a file that says it is done, so a
# second run only looks; what changes a step's input (a lock file, pyproject.toml) repeats it.

# The first Python of 3.11 or later; another one: make PYTHON=/path/to/python3 setup
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
ifeq ($(strip $(PYTHON)),)
PYTHON := python3
endif

VENV := .venv
BIN := $(VENV)/bin
WEB := gis_registry/web
ASSETS := $(WEB)/static/vendor/manifest.json
INSTALLED := $(VENV)/.installed
INSTALLED_DEV := $(VENV)/.installed-dev

PIP_INSTALL := $(BIN)/python -m pip install --quiet --no-input --disable-pip-version-check
LOCK := pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-emit-find-links --custom-compile-command "make lock"

# One process for each processor, up to four, each with a database server of its own. A process
# keeps to files that lie together, and takes over from another one when it has nothing left.
PARALLEL := --numprocesses auto --maxprocesses 4 --dist worksteal

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help setup setup-dev demo test test-all lint types lock screenshot wheel system browser qgis

help: ## this list
	@grep -E '^[a-z-]+:.*## ' Makefile | sed 's/:.*## /	/' | expand -t 14

setup: $(INSTALLED) $(ASSETS) ## install what is missing: system packages, .venv, page assets

demo: setup ## register a sample city, answer its reports, and serve the map on 127.0.0.1:8000
	@$(BIN)/gis-registry demo

test: setup-dev browser ## run the tests, but for the slow ones (ARGS=… goes to pytest)
	@$(BIN)/pytest $(PARALLEL) --timeout 240 -m "not slow" $(ARGS)

test-all: setup-dev qgis ## run every test, with coverage
	@$(BIN)/pytest $(PARALLEL) --cov=gis_registry --cov-report=term --timeout 1800 $(ARGS)

lint: $(INSTALLED_DEV) ## check style, formatting and the direction of imports
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/lint-imports

types: $(INSTALLED_DEV) ## check types
	@$(BIN)/mypy

screenshot: setup-dev browser ## make the README's picture anew
	@$(BIN)/python bench/screenshot.py

wheel: setup-dev ## build dist/*.whl, which carries migrations, samples and page assets
	@$(BIN)/python -m build --wheel --no-isolation

lock: $(INSTALLED) ## choose dependencies anew (newest that pyproject.toml and package.json allow)
	@$(BIN)/python -c 'import uv' 2>/dev/null || $(PIP_INSTALL) uv
	$(BIN)/uv $(LOCK) --upgrade --group build -o .ci/requirements.txt pyproject.toml
	$(BIN)/uv $(LOCK) --upgrade --group build --group dev -c .ci/requirements.txt \
		-o .ci/requirements-dev.txt pyproject.toml
	cd $(WEB) && npm install --package-lock-only

setup-dev: setup $(INSTALLED_DEV)

# The three below look for themselves whether anything is missing, and are quick when nothing is.
system:
	@PYTHON="$(PYTHON)" sh .ci/system-packages

browser:
	@PYTHON="$(PYTHON)" sh .ci/system-packages --browser

qgis:
	@PYTHON="$(PYTHON)" sh .ci/system-packages --qgis

$(BIN)/python: | system
	@echo "setup: making $(VENV) with $(PYTHON)" >&2
	@$(PYTHON) -m venv $(VENV)

$(INSTALLED): .ci/requirements.txt pyproject.toml | $(BIN)/python
	@echo "setup: installing the locked dependencies into $(VENV)" >&2
	@$(PIP_INSTALL) --require-hashes --only-binary :all: -r .ci/requirements.txt
	@$(PIP_INSTALL) --no-deps --no-build-isolation --editable .
	@touch $@

$(INSTALLED_DEV): .ci/requirements-dev.txt $(INSTALLED)
	@echo "setup: installing the locked tools for tests and checks into $(VENV)" >&2
	@$(PIP_INSTALL) --require-hashes --only-binary :all: --no-binary three,relaxml \
		-r .ci/requirements-dev.txt
	@touch $@

$(ASSETS): $(WEB)/package-lock.json $(WEB)/vendor.mjs | system
	@echo "setup: fetching the page assets with npm" >&2
	@cd $(WEB) && npm ci --loglevel=error --no-progress >&2 && node vendor.mjs >&2
