# Everything a developer or an operator of expokeep types. `make help` lists it.
# The targets install what they need: a virtual environment in .venv, and as root also
# Debian's packages; as another user they say which packages are missing.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PYTEST := $(BIN)/python -m pytest
# The tests wait more than they compute. Each worker has servers of its own.
WORKERS ?= 4
PARALLEL := -n $(WORKERS) --dist loadfile

.DEFAULT_GOAL := help
.PHONY: help setup run check test lint quick full soak format db demo bench fuzz docs man clean
.PHONY: install uninstall

help: ## list the targets
	@grep -hE '^[a-z0-9-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 14

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "expokeep needs Python 3.11 or newer; name it: make PYTHON=..."; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null \
	  || { [ "$$(id -u)" = 0 ] && apt-get -qq update \
	       && DEBIAN_FRONTEND=noninteractive apt-get -qq install -y python3-venv >/dev/null; } \
	  || { echo "Python's venv is missing: sudo apt-get install python3-venv"; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/embedded: pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[embedded]'
	@touch $@

$(VENV)/dev: pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[dev]'
	@touch $@ $(VENV)/embedded

setup: $(VENV)/dev tools ## make the virtual environment for development

.PHONY: tools
MORE_TOOLS :=
tools:
	@missing=""; \
	for tool in zstd:zstd tar:tar curl:curl patch:patch bsdtar:libarchive-tools strace:strace \
	            node:nodejs git:git unzip:unzip mandoc:mandoc zsh:zsh fish:fish \
	            promtool:prometheus systemd-analyze:systemd dbus-daemon:dbus /usr/bin/python3:python3 $(MORE_TOOLS); do \
	  command -v "$${tool%%:*}" >/dev/null || missing="$$missing $${tool##*:}"; \
	done; \
	[ -z "$$missing" ] && exit 0; \
	if [ "$$(id -u)" = 0 ]; then \
	  apt-get -qq update && DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends $$missing; \
	else echo "The tests need: sudo apt-get install$$missing"; exit 1; fi

ARGS ?=
run: $(VENV)/embedded ## run the daemon with its own Postgres and S3 server: make run ARGS=...
	@exec $(BIN)/expokeepd --embedded $(ARGS)

lint: $(VENV)/dev ## ruff, mypy, import-linter
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

quick: lint ## what needs no server, in seconds
	$(PYTEST) -q daemon tests/unit

test: $(VENV)/dev tools ## every test but the long ones and those that need npm
	$(PYTEST) -q $(PARALLEL) -m "not npm and not long"

check: lint test ## what a change must pass: lint and test

full: MORE_TOOLS := /usr/sbin/debootstrap:debootstrap
full: lint tools ## check, and the long tests and those that need npm
	$(PYTEST) -q $(PARALLEL)

soak: $(VENV)/dev ## ten minutes of everything at once on 200 sessions: make soak ARGS="--seed 1"
	PYTHONPATH=tests $(BIN)/python -m soak $(ARGS)

format: $(VENV)/dev ## put the code into its form
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

db: $(VENV)/dev ## a throw-away Postgres; prints its DSN
	$(BIN)/python -m expokeep.embedded

demo: $(VENV)/embedded ## the whole story in a minute, on a real Expo project (needs npm)
	$(BIN)/python tests/demo.py

bench: $(VENV)/dev ## measure expokeep beside what a user would pick instead
	$(BIN)/python -m bench --write $(ARGS)

docs: $(VENV)/dev ## write what is generated
	$(BIN)/python -m expokeep.settings.example > config/expokeep.example.yaml
	$(BIN)/python -m expokeep.settings.reference > docs/CONFIGURATION.md

TARGET ?= pack
fuzz: $(VENV)/dev ## look for bytes that break a promise: make fuzz TARGET=archive ARGS=-max_total_time=600
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[fuzz]'
	PYTHONPATH=tests $(BIN)/python -m fuzz $(TARGET) $(ARGS)

man: $(VENV)/embedded ## write the man pages into build/man
	$(BIN)/python -m expokeep.cli.manual build/man $$(git log -1 --format=%cs 2>/dev/null)

# Debian's own Python, for the daemon runs as a user who sees nobody's home.
SYSTEM_PYTHON ?= /usr/bin/python3
DESTDIR ?=
PREFIX ?= /usr/local
SYSCONFDIR ?= /etc
EXTRAS ?=
PLACES = DESTDIR='$(DESTDIR)' PREFIX='$(PREFIX)' SYSCONFDIR='$(SYSCONFDIR)'

install: ## put program, units and pages below PREFIX=/usr/local (DESTDIR=, EXTRAS=)
	@$(PLACES) EXTRAS='$(EXTRAS)' PYTHON='$(SYSTEM_PYTHON)' systemd/install.sh install

uninstall: ## remove what install put; configuration, credentials and the spool stay
	@$(PLACES) systemd/install.sh uninstall

clean: ## remove what the targets made
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
