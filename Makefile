# make alone prints the targets.
SHELL := /bin/sh
VENV ?= .venv
MODEL ?= default
BIN := $(VENV)/bin
export VENV

.PHONY: help setup run test check fmt docs bench lock clean
.DEFAULT_GOAL := help

help: ## print this
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' Makefile

setup: ## install what Courtyard runs on, from the lock, into .venv
	@sh tools/setup.sh run

run: setup ## serve on http://127.0.0.1:8420 (MODEL=small for the small model, ARGS for more)
	@exec $(BIN)/courtyard serve --model $(MODEL) $(ARGS)

test: check ## run every check and test, browser and PostgreSQL included
	@sh tools/system.sh
	@echo "→ tests"
	@$(BIN)/pytest --numprocesses 2 $(ARGS)
	@echo "✓ every check and test passes"

check: ## lint, types, import contracts, generated pages
	@sh tools/setup.sh dev
	@echo "→ ruff"
	@$(BIN)/ruff check --quiet .
	@$(BIN)/ruff format --check --quiet .
	@echo "→ mypy"
	@$(BIN)/mypy
	@echo "→ import contracts"
	@$(BIN)/lint-imports
	@echo "→ generated pages"
	@$(BIN)/python tools/reference.py --check

fmt: ## format the code and fix what can be fixed
	@sh tools/setup.sh dev
	@$(BIN)/ruff check --fix --quiet .
	@$(BIN)/ruff format .

docs: ## write docs/reference from the code
	@sh tools/setup.sh dev
	@$(BIN)/python tools/reference.py

bench: ## run the benchmarks of benchmarks/
	@sh tools/setup.sh dev
	@for file in benchmarks/[a-z]*.py; do $(BIN)/python $$file || exit 1; done

lock: ## resolve the dependencies again and write both lock files
	@sh tools/setup.sh dev
	@sh tools/lock.sh

clean: ## remove .venv and caches; data stays
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
