# Needs Python 3.11 or later with venv, make, and the package registry. `make` lists what there is.

PYTHON ?= python3
WORKERS ?= 4
TRIALS ?= 40
ROUNDS ?= 15
FUZZ ?= 2000
INSTALL = bin/python -m pip install -qq --disable-pip-version-check
PINNED = -c constraints.txt

.DEFAULT_GOAL := help
.PRECIOUS: %/.pip
.PHONY: help demo test bad-inputs test-faults test-mutants test-offline fuzz test-monkey test-screens coverage test-backends test-integrations \
	lint format types imports bytecode docs screenshots tour-lab \
	bench bench-log bench-dispatch bench-charts bench-check bench-boundaries bench-importance bench-arms bench-launches \
	bench-exploit bench-steps bench-start bench-study bench-screens clean

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):[^#]*## \(.*\)/\1|\2/p' Makefile | \
	while IFS='|' read -r name text; do printf '  make %-17s %s\n' "$$name" "$$text"; done

demo: .venv/.base ## install into .venv and run the first study into lab.db
	@.venv/bin/labtui run sample_studies/digits_optimizers.yaml --lab lab.db
	@echo "(not on your PATH yet? it is .venv/bin/labtui)"

test: .venv/.dev ## run every check and every test, without torch or mlx
	@$(MAKE) --no-print-directory -j 2 types lint imports bytecode
	@.venv/bin/python -m pytest -n $(WORKERS) --dist worksteal -m "not backend" --ignore=tests/e2e
	@.venv/bin/python -m pytest -n $(WORKERS) --dist worksteal tests/e2e

test-faults: .venv/.dev .venv-backends/.installed ## kill, stop, fill and damage everything, at length (up to 30 minutes)
	@.venv/bin/python -m pytest -n 2 --dist worksteal --timeout 1200 tests/faults --faults full

test-mutants: .venv/.dev ## take promises out of copies of the program; the fault tests must see it
	@.venv/bin/python -m tests.faults.mutants

bad-inputs: .venv/.dev ## do every bad input of the catalogue, print what is said, write docs/bad-inputs.md
	@.venv/bin/python -m tests.bad_inputs

test-offline: .venv/.dev ## run the tests where no network is, and see that nothing asks for one (Linux)
	@.venv/bin/python -m tests.hostile.offline

fuzz: .venv/.dev ## feed anything to whatever reads or shows it (FUZZ=2000 examples a test)
	@LABTUI_FUZZ=$(FUZZ) .venv/bin/python -m pytest -n $(WORKERS) --timeout 3600 tests/fuzz

coverage: .venv/.dev ## run the tests and say which lines they reach (slower: it counts every line)
	@rm -f .coverage .coverage.*
	@.venv/bin/coverage run -m pytest -n $(WORKERS) -m "not backend" --ignore=tests/e2e
	@.venv/bin/coverage combine -q
	@.venv/bin/coverage report

test-screens: .venv/.dev ## walk every screen through every state and theme (a minute)
	@LABTUI_SCREENS=1 .venv/bin/python -m pytest -n 2 tests/tui/test_states.py tests/tui/test_newcomer.py \
		tests/tui/test_themes_screens.py

test-monkey: .venv/.dev ## press 16,000 random keys and buttons on the screen, in 40 labs (long)
	@LABTUI_MONKEY=400 LABTUI_MONKEYS=20 .venv/bin/python -m pytest -n 2 tests/tui/test_monkey.py

test-backends: .venv-backends/.installed ## run the tests against the real torch and mlx
	@.venv-backends/bin/python -m pytest -n 2 -m backend tests/backends

test-integrations: .venv-integrations/.installed ## run the callbacks' tests against the real libraries
	@KERAS_BACKEND=torch .venv-integrations/bin/python -m pytest -m integration tests/integrations

lint: .venv/.dev ## check style and formatting
	@.venv/bin/ruff check .
	@.venv/bin/ruff format --check .

format: .venv/.dev ## format the code and fix what can be fixed
	@.venv/bin/ruff check --fix .
	@.venv/bin/ruff format .

types: .venv/.dev ## check the types
	@.venv/bin/mypy

imports: .venv/.dev ## check which room imports which
	@.venv/bin/lint-imports

# Else every worker of pytest compiles every test for itself: 9 s of CPU each.
# What cannot be collected is said by the tests themselves.
bytecode: .venv/.dev ## compile the program and its tests once, for the processes of the tests
	@PYTHONDONTWRITEBYTECODE= .venv/bin/python -m compileall -q labtui trainers
	@PYTHONDONTWRITEBYTECODE= .venv/bin/python -m pytest --collect-only -q >/dev/null 2>&1 || true

docs: .venv/.dev ## write what comes from the code: commands, list of findings, their pictures
	@.venv/bin/python docs/build.py
	@.venv/bin/python docs/pictures.py

screenshots: .venv/.dev ## draw docs/screens: every screen of the program, on the lab of the tour
	@.venv/bin/python docs/screens.py

tour-lab: .venv/.dev ## run the studies of `labtui tour` again (a minute), and pack them
	@.venv/bin/python docs/tour.py

bench: bench-log bench-dispatch bench-charts bench-check bench-importance bench-steps bench-start bench-study bench-screens ## run all benchmarks, beside their peers

bench-log: .venv-bench/.installed ## what a logged point costs
	@.venv-bench/bin/python benchmarks/log.py

bench-dispatch: .venv-bench/.installed ## what starting a trial costs
	@.venv-bench/bin/python benchmarks/dispatch.py

bench-charts: .venv-bench/.installed ## what drawing a frame costs
	@.venv-bench/bin/python benchmarks/charts.py

bench-check: .venv-bench/.installed ## what judging and importing large studies costs
	@.venv-bench/bin/python benchmarks/check.py

bench-boundaries: .venv-bench/.installed ## how often an optimum outside the range is found
	@.venv-bench/bin/python benchmarks/boundaries.py

bench-arms: .venv-bench/.installed ## how often reruns of arms support an order
	@.venv-bench/bin/python benchmarks/arms.py

bench-launches: .venv-bench/.installed ## how often a launch decides rightly
	@.venv-bench/bin/python benchmarks/launches.py

bench-importance: .venv-bench/.installed ## what is called important, beside Optuna
	@.venv-bench/bin/python benchmarks/importance.py

bench-exploit: .venv-bench/.installed ## what a bayesian study finds, beside Halton points
	@.venv-bench/bin/python benchmarks/exploitation.py

bench-steps: .venv-bench/.installed ## what bookkeeping costs a training step
	@.venv-bench/bin/python benchmarks/steps.py

bench-start: .venv-bench/.installed ## how long until a torch study's first point
	@.venv-bench/bin/python benchmarks/start.py

bench-study: .venv-bench/.installed ## what a study of small networks costs (TRIALS=, ROUNDS=)
	@.venv-bench/bin/python benchmarks/study.py --trials $(TRIALS) --rounds $(ROUNDS)

bench-screens: .venv-bench/.installed ## what the screen costs, beside an empty one
	@.venv-bench/bin/python benchmarks/screens.py

clean: ## remove environments, caches and measurements; a lab stays
	rm -rf .venv .venv-backends .venv-integrations .venv-bench .coverage .coverage.* .hypothesis \
		.mypy_cache .ruff_cache .import_linter_cache dist
	find labtui trainers tests benchmarks docs -name __pycache__ -prune -exec rm -rf {} +

# -- environments: a stamp says what was installed, and when ---------------------------------

%/.pip:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "labtui needs Python 3.11 or later; name one: make PYTHON=python3.12" >&2; exit 2; }
	@echo "making $* ..."
	@$(PYTHON) -m venv $*
	@$*/$(INSTALL) --upgrade "pip>=25.1"
	@touch $@

.venv/.base: pyproject.toml | .venv/.pip
	@echo "installing labtui into .venv ..."
	@.venv/$(INSTALL) -e .
	@touch $@

.venv/.dev: pyproject.toml constraints.txt | .venv/.pip
	@echo "installing labtui and its tools into .venv ..."
	@.venv/$(INSTALL) $(PINNED) -e . --group dev
	@touch .venv/.base $@

.venv-backends/.installed: pyproject.toml constraints.txt | .venv-backends/.pip
	@echo "installing labtui, torch and mlx into .venv-backends (large) ..."
	@.venv-backends/$(INSTALL) $(PINNED) -e ".[torch,mlx]" --group test
	@touch $@

.venv-integrations/.installed: pyproject.toml constraints.txt | .venv-integrations/.pip
	@echo "installing labtui, lightning, transformers and keras into .venv-integrations (large) ..."
	@.venv-integrations/$(INSTALL) $(PINNED) -e . --group dev --group integrations
	@touch $@

.venv-bench/.installed: pyproject.toml constraints.txt | .venv-bench/.pip
	@echo "installing labtui, torch and its peers into .venv-bench (large) ..."
	@.venv-bench/$(INSTALL) $(PINNED) -e ".[torch]" --group bench
	@touch $@
