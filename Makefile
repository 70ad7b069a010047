# make demo | test | check | soak | fuzz | sanitize | bench | bench-serve | bench-adb | bench-capture | bench-quality: each makes its own .venv on first use.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
# Many tests wait for a daemon more than they compute, so there is room for more workers than cores.
WORKERS ?= $(shell n=$$(nproc); echo $$((n + (n > 4 ? n / 2 : 2))))
# An editable strict install links files one by one, so a new or removed file needs a reinstall.
FILES := $(shell find daemon fingerprint ext -name '*.py' -o -name '*.pyx' -o -name '*.pyi' -o -name '*.h' -o -name '*.j2' -o -name '*.css' | sort)
KERNELS := $(wildcard ext/*.pyx ext/*.h)
LIST := $(VENV)/files.list

.PHONY: demo test check soak bench bench-serve bench-adb bench-capture bench-quality fuzz sanitize clean format
demo: $(VENV)/run.stamp
	@$(BIN)/rackprint demo

# Hundreds of processes start: each would compile everything anew where the environment forbids to keep bytecode.
test: export PYTHONDONTWRITEBYTECODE =
test: $(VENV)/dev.stamp
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder --cov --cov-report=term:skip-covered --cov-fail-under=90

check: $(VENV)/dev.stamp
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: $(VENV)/dev.stamp
	@$(BIN)/pip install -q -c constraints.txt --config-settings editable_mode=strict -e '.[bench]'
	$(BIN)/python -m benchmarks

bench-serve: $(VENV)/dev.stamp
	$(BIN)/python -m benchmarks.serve
	$(BIN)/python -m benchmarks.serve 500000 --rate 16000
	$(BIN)/python -m benchmarks.serve 300000 --postgresql

bench-adb: $(VENV)/dev.stamp
	$(BIN)/python -m benchmarks.adb

# BENCH=--packets=5000000 is 3 GB.
bench-capture: $(VENV)/dev.stamp
	@$(BIN)/pip install -q -c constraints.txt --config-settings editable_mode=strict -e '.[bench]'
	$(BIN)/python -m benchmarks.capture $(BENCH)

# FUZZ_SECONDS and FUZZ_INPUTS are of each target, whichever ends first; TARGETS are names of fuzz/targets.py.
fuzz: $(VENV)/dev.stamp
	@$(BIN)/pip install -q -c constraints.txt --config-settings editable_mode=strict -e '.[fuzz]'
	@$(BIN)/python -m fuzz $(TARGETS)

# Takes gcc with its sanitizers; FUZZ_CORPUS is a folder of inputs that make fuzz grew.
sanitize: $(VENV)/dev.stamp
	@$(BIN)/python -m fuzz.sanitize $(TARGETS)

soak: $(VENV)/dev.stamp
	$(BIN)/python tests/crashing.py 300

bench-quality: $(VENV)/dev.stamp
	$(BIN)/python -m benchmarks.scenarios --seed 1000

format: $(VENV)/dev.stamp
	$(BIN)/ruff check --fix . ; $(BIN)/ruff format .

clean:
	rm -rf $(VENV) build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .coverage

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install -q -c constraints.txt 'setuptools>=80'

# Touched only when the set of files changes.
$(LIST): $(VENV)/bin/python FORCE
	@printf '%s\n' $(FILES) | cmp -s - $@ || printf '%s\n' $(FILES) > $@
.PHONY: FORCE
FORCE:

$(VENV)/run.stamp: pyproject.toml setup.py constraints.txt $(KERNELS) $(LIST)
	@echo 'installing rackprint into $(VENV) (first use takes a minute or two)'
	@rm -rf build/__editable__*
	@$(BIN)/pip install -q -c constraints.txt --config-settings editable_mode=strict -e .
	@touch $@

$(VENV)/dev.stamp: $(VENV)/run.stamp
	@$(BIN)/pip install -q -c constraints.txt --config-settings editable_mode=strict -e '.[dev]'
	@touch $@
