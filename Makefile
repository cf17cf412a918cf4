# Everything runs from .venv, which `make setup` builds from requirements.lock with nothing but Python 3.11+.
PYTHON ?= python3
BIN := .venv/bin
MIB ?= 256
SUDO := $(if $(filter 0,$(shell id -u)),,sudo)
MINUTES ?= 10

.PHONY: setup run test parts check e2e trino bench soak docs golden lock clean
.DEFAULT_GOAL := help

help:            ## this list
	@grep -hE '^[a-z0-9]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*##/\t/' | expand -t 14

setup: .venv/ready  ## build .venv from requirements.lock

.venv/ready: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "tailrace needs Python 3.11 or newer; name one with: make PYTHON=python3.12 setup")'
	$(PYTHON) -m venv --clear .venv
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r requirements.lock
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

run: setup       ## a demo node is tailed into ./lake, questions are answered, and lake/report.html shows it all
	$(BIN)/tailrace demo --lake lake

check: setup     ## lint, types, and that every generated file is fresh
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python -m tests.generated --check

test: check      ## lint, types and every test
	$(BIN)/python -m pytest -n auto --maxprocesses 4 --dist loadfile

parts:           ## what some tests use beyond Python: strace, and servers that are built into a cache outside this folder
	@command -v strace >/dev/null || { $(SUDO) apt-get update -qq && $(SUDO) apt-get install -y -qq strace; }
	@echo "parts: strace is there"
	@command -v jq >/dev/null || { $(SUDO) apt-get update -qq && $(SUDO) apt-get install -y -qq jq; }
	@[ -x /lib/systemd/systemd-journal-remote ] || { $(SUDO) apt-get update -qq && $(SUDO) apt-get install -y -qq --no-install-recommends systemd-journal-remote; }
	@tests/servers/build.sh
	@tests/servers/forward.sh
	@tests/servers/cadvisor.sh
	@PYTHON=$(PYTHON) tests/servers/kube.sh
	@tests/servers/debian.sh prometheus prometheus-alertmanager prometheus-node-exporter chromium fonts-dejavu-core
	@PYTHON=$(PYTHON) tests/servers/writers.sh
	@PYTHON=$(PYTHON) tests/servers/opensearch.sh

e2e: setup trino ## a real cluster of one node: the chart is installed, pods log, crash and go, and the lake is asked (as root)
	@PYTHON=$(PYTHON) tests/servers/node.sh
	@$(SUDO) env "PATH=$$PATH" "TAILRACE_PARTS=$${TAILRACE_PARTS:-$$HOME/.cache/tailrace/parts}" $(BIN)/python -m tests.e2e
	TAILRACE_MINUTE=1 $(BIN)/python -m pytest tests/dashboards/test_prometheus.py

trino: setup     ## every question of the packs on a real Trino over Glue and S3 (needs Java 24 and Maven, else it skips)
	@tests/servers/build.sh versitygw
	@tests/servers/trino.sh
	TAILRACE_TRINO=1 $(BIN)/python -m pytest tests/trino --durations=5

bench: setup     ## throughput, CPU, memory and loss, beside the floor of the same run
	$(BIN)/python -m tests.bench.bench --mib $(MIB)
	$(BIN)/python -m tests.bench.kube_bench --part memory
	$(BIN)/python -m tests.bench.metrics_bench --part containers
	$(BIN)/python -m tests.bench.metrics_bench --part process

soak: setup      ## kills, failing disks and random histories for MINUTES, with a fresh seed (SEED to repeat one)
	$(BIN)/python -m tests.soak --minutes $(MINUTES) $(if $(SEED),--seed $(SEED))

docs: setup      ## renew every generated file
	$(BIN)/python -m tests.generated

golden: setup    ## renew the golden answers of the question packs
	$(BIN)/python -m pytest tests/query --golden

lock:            ## resolve pyproject.toml anew into requirements.lock (needs uv)
	uv pip compile pyproject.toml --all-extras --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header -o requirements.lock

clean:           ## remove what make run and make setup made
	rm -rf .venv lake .state build
