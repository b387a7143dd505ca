# `make test` and `make conformance` need nothing but Debian 12 or later, Python 3.11 or later, make and git.

VENV := .venv
BIN := $(VENV)/bin
LOCK := requirements-dev.lock
AREA := failover
N := 5
SEED := 1
SUITES := suites/lifecycle suites/failover
OUT := reports/blind
PYTHON ?= $(shell for python in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$python && break; done)

.PHONY: setup test conformance user example bench soak kills hosts blind lint docs lock clean
.DELETE_ON_ERROR:

# trixie's QEMU is the other one of the pairs whose hosts have two releases.
setup: $(VENV)/.project
	$(BIN)/colo setup --release trixie

test: setup lint docs
	$(BIN)/colo setup --browser
	$(BIN)/pytest suites/harness -n 2 --results-dir reports/harness
	$(BIN)/colo run

conformance: setup
	$(BIN)/colo run

# The suite as an ordinary user, from a root shell; what of it: make user ARGUMENTS="-- suites/lifecycle".
user: setup
	$(BIN)/python -m suites.harness.ordinary build/user $(BIN)/colo setup --release trixie
	$(BIN)/python -m suites.harness.ordinary build/user $(BIN)/colo run --results-dir=build/user/reports $(ARGUMENTS)

# What another project does: the wheel and what it asks for in a fresh environment, and tests written with it.
example: setup
	rm -rf build/example
	$(BIN)/python -m hatchling build --target wheel --directory build/example/dist
	$(BIN)/python -m venv build/example/venv
	build/example/venv/bin/pip install --quiet --disable-pip-version-check build/example/dist/*.whl
	cp -r examples/ledger build/example/project
	cd build/example/project && ../venv/bin/pytest

# Figures and a picture: docs/speed.md says how to read them.
bench: setup
	$(BIN)/colo bench --parallel

# Runs an area N times over in one process: make soak AREA=lifecycle N=10.
soak: setup
	$(BIN)/pytest suites/$(AREA) --soak=$(N) --results-dir=reports/soak

# The suite on two machines that share nothing but networks, made of this one: make hosts SUITES=suites/lifecycle.
hosts: setup
	$(BIN)/python -m suites.harness.two_machines -- $(SUITES)

# Ends N runs with kill -9, each at a random moment, and looks for what is left: make kills N=100 SEED=7.
kills: setup
	$(BIN)/pytest suites/harness/test_kills.py -v -n 2 --kills=$(N) --seed=$(SEED) --results-dir=reports/kills

# Ten sabotages, a report each that does not name it, for somebody who has not seen the code: make blind OUT=/tmp/blind.
blind: setup
	$(BIN)/python -m suites.harness.blind $(OUT) $(SEED)

lint: $(VENV)/.project
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

# The documentation as a site, in build/site: a broken link or anchor is an error. mkdocs.yml says more.
docs: $(VENV)/.project
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --quiet --strict

# Pins what pyproject.toml asks for, for every platform and Python that it allows.
lock: $(VENV)/.created
	$(BIN)/pip install --quiet uv
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --group dev --extra avocado --generate-hashes --upgrade \
		--custom-compile-command 'make lock' --output-file $(LOCK) pyproject.toml

clean:
	rm -rf $(VENV) build .mypy_cache .ruff_cache .import_linter_cache .hypothesis *.egg-info
	test ! -d reports || find reports -mindepth 1 ! -name README.md ! -path 'reports/history*' -delete

$(VENV)/.created:
	@test -n "$(PYTHON)" || { echo 'no Python 3.11 or later found; name one with PYTHON=' >&2; exit 2; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
		test $$(id -u) = 0 || { echo 'run as root: apt-get install python3-venv' >&2; exit 2; }; \
		echo "installing python3-venv, which Debian's Python needs to make $(VENV)"; \
		apt-get --quiet=2 update && apt-get --quiet=2 install --yes --no-install-recommends python3-venv; }
	$(PYTHON) -m venv --clear $(VENV)
	@touch $@

$(VENV)/.locked: $(LOCK) $(VENV)/.created
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes --requirement $(LOCK)
	@touch $@

$(VENV)/.project: pyproject.toml $(VENV)/.locked
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@
