# What a contributor does, by one word each. Needs Python 3.11 or newer, git and make, and nothing else: the
# rest, Node.js and Chromium included, is installed below .venv/ and .tools/ from the locks in requirements/.

MAKEFLAGS += --no-print-directory
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

PY := .venv/bin/python
# A file of tests for each worker, in their order (the long ones come first); more than four only wait for each other.
WORKERS := --numprocesses=auto --maxprocesses=4 --dist=loadfile --no-loadscope-reorder
ARGS ?=

# Every test starts processes of ours: what one has compiled, the next need not.
unexport PYTHONDONTWRITEBYTECODE

LOCKS := requirements/test.txt requirements/install.sh
PARTNERS := requirements/package.json requirements/package-lock.json requirements/fonts.conf requirements/install.sh

.venv/.installed: $(LOCKS) pyproject.toml
	@sh requirements/install.sh python >&2
	@touch $@

.tools/.installed: $(PARTNERS) | .venv/.installed
	@sh requirements/install.sh tools >&2
	@touch $@

.PHONY: demo
demo: tools ## the whole journey on a real Solid server; ARGS="--once" ends by itself, "--once --json" for machines
	@.venv/bin/solidgate demo $(ARGS)

.PHONY: serve
serve: .venv/.installed ## solidgate as config/dev.toml says
	@.venv/bin/solidgate serve $(ARGS)

.PHONY: test
test: tools lint ## lint, then every test; ARGS="-k word" for some
	@$(PY) -m pytest $(WORKERS) $(ARGS)

.PHONY: lint
lint: .venv/.installed ## ruff and mypy
	@$(PY) -m ruff check --quiet .
	@$(PY) -m mypy --no-error-summary

.PHONY: fix
fix: .venv/.installed ## what ruff can mend by itself
	@$(PY) -m ruff check --fix .
	@$(PY) -m ruff format .

.PHONY: docs
docs: .venv/.installed ## the generated reference pages, then the site below site/
	@$(PY) docs/make_reference.py
	@NO_MKDOCS_2_WARNING=1 $(PY) -m mkdocs build --strict --quiet

.PHONY: bench
bench: tools ## what is measured in benchmarks/, as ratios
	@$(PY) -m benchmarks $(ARGS)

.PHONY: soak
soak: tools ## the journey over and over, for ARGS="--minutes 30", looking for what grows
	@$(PY) -m benchmarks.soak $(ARGS)

.PHONY: races
races: tools ## all the races of withdrawals and of edited terms; ARGS="--minutes 30"
	@$(PY) -m benchmarks.races $(ARGS)

.PHONY: wheel
wheel: .venv/.installed ## the wheel and the source archive below dist/
	@$(PY) -m build --no-isolation

.PHONY: tools
tools: .tools/.installed ## only the set-up: the Python environment, Node.js, the Solid server, Chromium

.PHONY: lock
lock: .venv/.installed ## make the locks again from pyproject.toml and requirements/package.json
	@sh requirements/install.sh lock >&2

.PHONY: clean
clean: ## remove everything that make has made
	@rm -rf .venv .tools dist site build .pytest_cache .mypy_cache .ruff_cache .hypothesis
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

.PHONY: help
help: ## this list
	@sed -n 's/^\([a-z]*\):.* ## /\1\t/p' Makefile | awk -F '\t' '{ printf "  make %-6s %s\n", $$1, $$2 }'
