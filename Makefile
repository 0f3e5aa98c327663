# Each target makes what it needs: .venv with the locked versions first.
PYTHON_BIN := .venv/bin
STAMP := .venv/.installed
# Tests side by side: a worker more than two cores, for much of what is tested is waiting; 0 is one after the other.
TEST_WORKERS ?= 3
# Dagster reads the dagster.yaml of the current folder when DAGSTER_HOME is unset; checks want none.
CHECK_HOME = $(CURDIR)/.perf-pipeline/check-home
# Where this is set, each of hundreds of processes compiles anew all that it imports.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help demo dev test bench check format coverage lock clean

help: ## what can be made
	@sed -n 's/^\([a-z]*\):.*## /\1	/p' $(MAKEFILE_LIST)

$(STAMP): scripts/setup constraints.txt pyproject.toml
	@echo "setting up .venv (a minute on a fresh machine) ..."
	@scripts/setup

demo: $(STAMP) ## the main job on an embedded PostgreSQL: load, snapshots, a regression found and explained
	@$(PYTHON_BIN)/perf-pipeline demo $(DEMO_FLAGS)

dev: $(STAMP) ## the Dagster UI with schedules and sensors running, on the embedded PostgreSQL
	@$(PYTHON_BIN)/perf-pipeline dev $(DEV_FLAGS)

test: $(STAMP) ## the whole test suite, on PostgreSQL 14 to 18, a headless Chromium, PgBouncer and Redis
	@scripts/servers || true # what is left out there, the tests name
	@PERF_CHROMIUM="$$(scripts/chromium)" PERF_PGBOUNCER="$$(scripts/pgbouncer)" PERF_REDIS_SERVER="$$(scripts/redis)" $(PYTHON_BIN)/python -m pytest -n $(TEST_WORKERS) $(TEST_FLAGS)

bench: $(STAMP) ## every benchmark, both sides measured in one run
	@for file in benchmarks/[a-z]*.py; do echo "== $$file"; $(PYTHON_BIN)/python $$file || exit 1; done

check: $(STAMP) ## linter, formatter, types, import contracts, Dagster definitions
	$(PYTHON_BIN)/ruff check .
	$(PYTHON_BIN)/ruff format --check .
	$(PYTHON_BIN)/mypy
	$(PYTHON_BIN)/lint-imports
	$(PYTHON_BIN)/python -m perf_pipeline.examples.coverage --check
	$(PYTHON_BIN)/perf-pipeline targets
	@mkdir -p $(CHECK_HOME)
	@echo "telemetry: {enabled: false}" > $(CHECK_HOME)/dagster.yaml
	DAGSTER_HOME=$(CHECK_HOME) $(PYTHON_BIN)/dagster definitions validate -w workspace.yaml
	DAGSTER_HOME=$(CHECK_HOME) $(PYTHON_BIN)/dg check defs

format: $(STAMP) ## put the code in the one format
	$(PYTHON_BIN)/ruff check --fix .
	$(PYTHON_BIN)/ruff format .

coverage: $(STAMP) ## write docs/coverage.md anew: what answers each row of the capability list
	$(PYTHON_BIN)/python -m perf_pipeline.examples.coverage

lock: ## write constraints.txt anew (needs uv): names, versions and hashes only
	uv pip compile pyproject.toml --group dev --universal --python-version 3.11 --upgrade \
		--generate-hashes --no-emit-index-url --no-header --no-annotate --no-strip-extras \
		-o constraints.txt

clean: ## remove what the project made here, the embedded databases included
	rm -rf .perf-pipeline .venv
