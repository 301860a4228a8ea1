# Everything runs in .venv, which any target sets up first. PYTHON chooses the interpreter (3.11+).
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/pip --disable-pip-version-check

.PHONY: demo serve test lint format bench quality check-installation clean

demo: $(VENV)/installed  ## Start a server, stream a spoken sample, show the captions growing
	@$(BIN)/surtitle demo

serve: $(VENV)/installed  ## Run the server; its page is at http://127.0.0.1:8765
	@$(BIN)/surtitle serve

test: $(VENV)/installed-dev  ## Set up what the tests need and run them all
	@scripts/ensure_system_packages.sh
	@$(BIN)/python -m pytest

lint: $(VENV)/installed-dev  ## Formatting, lint and types
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy

format: $(VENV)/installed-dev  ## Let ruff rewrite what it can
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

bench: $(VENV)/installed-dev  ## The benchmarks, as ratios measured in one run, against the run before
	@$(BIN)/python scripts/bench.py

# Half an hour. SPEECH is a folder of recordings as docs/testing.md describes them. So many speak at
# once as two cores are good for.
quality: $(VENV)/installed-dev  ## The tables and pictures of docs/quality.md, measured again
	@test -d '$(SPEECH)' || { echo 'Name a folder: make quality SPEECH=/path/to/speech'; exit 2; }
	@for run in 'tiny.en 7' 'base 5'; do set -- $$run; \
	  $(BIN)/python scripts/quality_report.py --model $$1 --sessions $$2 '$(SPEECH)' \
	    --document docs/quality.md --picture docs/images/quality-$$1.png || exit; \
	done

check-installation: $(VENV)/installed  ## Say what is wrong with this installation, in plain words
	@$(BIN)/surtitle check

clean:  ## Remove the virtual environment and caches
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache

$(BIN)/pip:
	@$(PYTHON) scripts/check_python.py
	$(PYTHON) -m venv $(VENV)

# pip shows its own progress: about 500 MB come down the first time.
$(VENV)/installed: $(BIN)/pip pyproject.toml constraints.txt
	$(PIP) install --constraint constraints.txt --editable .
	@touch $@

$(VENV)/installed-dev: $(VENV)/installed
	$(PIP) install --constraint constraints.txt --editable '.[dev]'
	@touch $@
