# Ask the Labs. `make help` says what each target does.
SHELL := /bin/sh
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PYTEST = $(BIN)/python -m pytest --dist loadfile
# Hard links, uv's default, make nltk refuse to read its own data.
export UV_LINK_MODE := copy
PIP_LOCKED = $(BIN)/uv pip install --quiet --compile-bytecode --python $(BIN)/python --only-binary :all: --require-hashes
DEMO_INDEX ?= $(VENV)/demo-index
PORT ?= 7860
# Where `make eval` leaves its runs, and what `asklabs eval run` is given there besides.
EVAL_OUT ?= $(VENV)/evaluation
EVAL_OPTIONS ?= --baseline
SAMPLE_CASES = eval/sample/cases.jsonl
FLOORS = eval/sample/floors.json
# Where `make results` leaves what it measures, over which index, and which page it renews.
RESULTS ?= $(VENV)/results
MEASURED = $(or $(REPORTS),$(DEMO_INDEX))
ASKED = $(or $(CASES),$(if $(REPORTS),,$(SAMPLE_CASES)))
RESULTS_PAGE ?= docs/results.md
# Which licences fit MIT; weak copyleft is allowed: the packages are used as they are.
LICENCES = MIT;BSD;Apache;ISC;MPL;Mozilla;LGPL;Python;PSF;OFL

.PHONY: help demo install test quick test-slow lint eval floors results bench bench-growth soak audit lock words intents survey reranker browser postgres typescript dev clean

help: ## say what each target does
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: $(DEMO_INDEX)/made ## ingest the sample collection and open the page on http://127.0.0.1:7860
	@$(BIN)/asklabs serve --index $(DEMO_INDEX) --port $(PORT)

install: $(VENV)/.installed ## make .venv with the pinned packages and the asklabs command

test: dev browser ## install what the tests need, then run lint, types and all tests but the slow ones
	@$(MAKE) --no-print-directory -j 2 lint quick
	@$(PYTEST) -n 2 -m "quality and not slow"

quick: dev browser # Most of these wait for processes and pages: three at a time keep two cores busy.
	@$(PYTEST) -n 3 -m "not slow"

test-slow: dev browser postgres typescript ## run the slow tests: kills, full disks, servers, the rarer ways over the page, the sample's floors
	@$(PYTEST) -n 2 -m slow
	@$(PYTEST) -m "quality and slow"

lint: dev ## check style and types
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy

eval: $(DEMO_INDEX)/made ## measure the answers to the sample's cases, hold them to their floors
	@$(BIN)/asklabs eval run $(SAMPLE_CASES) --out $(EVAL_OUT)/run --index $(DEMO_INDEX) $(EVAL_OPTIONS) --floors $(FLOORS)

floors: $(DEMO_INDEX)/made ## set the floors of the sample's cases by how they are answered now
	@$(BIN)/asklabs eval run $(SAMPLE_CASES) --out $(EVAL_OUT)/run --index $(DEMO_INDEX) --floors $(FLOORS) --renew

results: $(DEMO_INDEX)/made dev ## measure all, renew docs/results.md (REPORTS=INDEX CASES="FILES" GRADED=FILE REPLIES=FILE)
	@rm -rf $(RESULTS) && mkdir -p $(RESULTS)
	@$(BIN)/asklabs info --index $(MEASURED) --json > $(RESULTS)/info.json
	@test -z "$(ASKED)" || awk 1 $(ASKED) > $(RESULTS)/cases.jsonl
	@test -z "$(ASKED)" || $(BIN)/asklabs eval run $(RESULTS)/cases.jsonl --out $(RESULTS)/run --index $(MEASURED) --baseline > $(RESULTS)/run.txt
	@test -z "$(GRADED)" || $(BIN)/asklabs eval survey $(GRADED) --index $(MEASURED) --json > $(RESULTS)/survey.json
	@test -z "$(REPLIES)" || $(BIN)/asklabs eval verify --replies $(REPLIES) --json > $(RESULTS)/verify.json
	@PYTHONPATH=tests/support $(BIN)/python tests/bench/bench.py $(MEASURED) > $(RESULTS)/bench.txt
	@$(BIN)/python -m eval.results $(RESULTS) $(RESULTS_PAGE) $(ASKED)

bench: dev ## time ingest, start, answers and the page on the sample collection (REPORTS=DIR or INDEX for your own)
	@PYTHONPATH=tests/support $(BIN)/python tests/bench/bench.py $(REPORTS)

bench-growth: $(DEMO_INDEX)/made dev ## time an index of many passages, recombined (INDEX=DIR SIZE=100000 INTO=DIR DATABASE=ADDRESS)
	@DATABASE=$(DATABASE) PYTHONPATH=.:tests/support $(BIN)/python tests/bench/growth.py $(or $(INDEX),$(DEMO_INDEX)) $(or $(SIZE),100000) $(INTO)

soak: $(DEMO_INDEX)/made dev ## 2,000 questions in 20 minutes while a model fails at times (INDEX=DIR for your own)
	@PYTHONPATH=tests/support $(BIN)/python tests/bench/soak.py $(or $(INDEX),$(DEMO_INDEX))

audit: dev ## list the licences and the known holes of the pinned packages
	@$(BIN)/uv tool run pip-licenses --python $(BIN)/python --from mixed --with-system --partial-match \
	  --allow-only "$(LICENCES)" --packages $$(sed -n 's/^\([A-Za-z0-9._-]*\)==.*/\1/p' requirements.lock)
	@$(BIN)/uv tool run pip-audit --requirement requirements.lock --no-deps --disable-pip --progress-spinner off

lock: dev ## write the pinned versions again, with hashes and without addresses
	@$(BIN)/uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --upgrade \
	  --no-header --python-version 3.11 pyproject.toml -o requirements.lock
	@$(BIN)/uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --upgrade \
	  --no-header --python-version 3.11 --extra dev -c requirements.lock pyproject.toml -o requirements-dev.lock

words: dev ## bring the messages of the code into the translations, rag/i18n/locale/*.po
	@$(BIN)/python -m babel.messages.frontend -q extract -F babel.cfg -k marked \
	  --no-location --omit-header --sort-output -o $(VENV)/words.pot rag ui eval
	@for po in rag/i18n/locale/*.po; do $(BIN)/pybabel -q update --no-wrap --no-fuzzy-matching \
	  --ignore-obsolete --omit-header -i $(VENV)/words.pot -o $$po -l $$(basename $$po .po); done

survey: dev ## train the weights of surveys on graded topics (GRADED=FILES REPORTS=INDEX)
	@$(BIN)/python -m eval.survey $(GRADED) --index $(REPORTS)

reranker: dev ## train the cross-encoder, an hour or two (REPORTS=INDEX; pip install -e '.[train]' before)
	@$(BIN)/python -m eval.train_reranker $(MANY) --index $(REPORTS)

intents: dev ## weigh the example questions and concepts of rag/query again, after they have changed
	@$(BIN)/python -m rag.query.intents
	@$(BIN)/python -m rag.query.gloss

clean: ## remove .venv and with it the demo's index
	@rm -rf $(VENV)

dev: $(VENV)/.installed-dev

# Only root may add Debian's packages; elsewhere the tests that need them skip and say so.
INSTALL = if command -v apt-get >/dev/null && [ "$$(id -u)" = 0 ]; then apt-get -qq update && \
	  DEBIAN_FRONTEND=noninteractive apt-get -qq install -y
browser:
	@command -v chromium >/dev/null || $(INSTALL) chromium >/dev/null; fi

postgres:
	@test -e /usr/lib/postgresql/17/lib/vector.so || $(INSTALL) postgresql-17-pgvector >/dev/null \
	  || echo "There is no PostgreSQL 17 with pgvector to install: its tests skip."; fi

typescript: dev
	@test -e $(VENV)/tsc || ! command -v npm >/dev/null \
	  || npm install --silent --no-audit --no-fund --prefix $(VENV)/tsc typescript@5.9.3

$(BIN)/uv:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed; name one with make PYTHON=python3.12")'
	@echo "Making $(VENV) with the pinned packages (a minute or two, once) ..."
	@$(PYTHON) -m venv $(VENV)
	@grep -A200 '^uv==' requirements-dev.lock | awk 'NR>1 && /^[a-z]/{exit} {print}' > $(VENV)/uv.txt
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --only-binary :all: --require-hashes -r $(VENV)/uv.txt

$(VENV)/.installed: requirements.lock pyproject.toml | $(BIN)/uv
	@$(PIP_LOCKED) -r requirements.lock
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation -e .
	@echo "Installed. Next: $(BIN)/asklabs ingest path/to/reports --index my-index"
	@touch $@

# An index that an older version made can't be used: the demo's is simply made anew.
$(DEMO_INDEX)/made: $(VENV)/.installed $(wildcard eval/sample/reports/*.md ingest/*.py)
	@$(BIN)/asklabs ingest eval/sample/reports --prune --index $(DEMO_INDEX) || \
	  $(BIN)/asklabs ingest eval/sample/reports --rebuild --index $(DEMO_INDEX)
	@touch $@

$(VENV)/.installed-dev: requirements-dev.lock $(VENV)/.installed
	@$(PIP_LOCKED) -r requirements-dev.lock
	@touch $@
