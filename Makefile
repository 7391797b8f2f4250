# Every target works from a bare checkout on Debian 12 as root; `setup` is quick and quiet when nothing is missing.
SHELL := /bin/bash
BIN := .venv/bin
TESTS ?= tests
.PHONY: setup demo test check bench peers protos lock format clean

setup:
	@tools/setup

demo: setup
	@demo/run

test: setup check
	@$(BIN)/python -m pytest -q --numprocesses 2 --dist loadgroup $(TESTS)

check: setup
	@$(BIN)/ruff format --check --quiet || { echo "check: run make format"; exit 1; }
	@$(BIN)/ruff check --quiet
	@$(BIN)/mypy --no-error-summary
	@said=$$($(BIN)/lint-imports 2>&1) || { echo "$$said"; exit 1; }

bench: setup
	@$(BIN)/python benchmarks/run.py --prepare && unshare --net -- sh -c "ip link set lo up && exec $(BIN)/python benchmarks/run.py"

peers: setup
	@$(BIN)/python tools/peers.py

protos: setup
	@$(BIN)/python tools/protos.py --force

lock: setup
	@tools/lock

format: setup
	@$(BIN)/ruff format --quiet
	@$(BIN)/ruff check --fix --quiet || true

clean:
	@rm -rf .venv .peers .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache build dist
	@rm -f trustkit/engine/protos/*_pb2.py trustkit/engine/protos/*_pb2.pyi
	@find trustkit tests tools -name __pycache__ -type d -prune -exec rm -rf {} +
