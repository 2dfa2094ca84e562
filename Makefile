# Plumbline: two commands do all set-up on a machine with Python 3.11 or newer and make.
#
#   make demo           the main job: make a ledger of a quarter's work in ./demo-ledger, certify, verify, tamper, audit
#   make test           pass the tests that need nothing but Python
#   make check          the gates without tests: ruff, mypy, words, hosts
#   make scorecard      what holds under faults and attacks: bench/scorecard.json and the table in SECURITY.md; an hour
#   make mutants        put small defects into the rules, one at a time: does a test fail? bench/mutants.json; some 40 minutes on two cores
#   make release-check  the wheel built twice alike, a bill of material, what is known of weaknesses; into dist/, asks the network
#   make lock           renew the lock files (needs `uv` on the PATH; only for maintainers)
#   make clean          remove the environment and what tools left behind; never a ledger
#
# The environment is ./.venv. It is made from requirements.lock, every file checked against its hash, and made again when the
# lock, pyproject.toml, the Python or the folder's place has changed. PYTHON=/path/to/python3 chooses the Python it is made with;
# PYTEST_ARGS="-k merkle -x" is handed to pytest.

SHELL = /bin/sh
PYTHON =
PYTEST_ARGS =
SCORECARD_ARGS =
VENV = .venv

.PHONY: help demo test check scorecard mutants release-check lock clean environment

help:
	@sed -n '2,/^$$/s/^# \{0,1\}//p' Makefile

demo: environment
	@$(VENV)/bin/plumbline demo demo-ledger

test: environment
	@$(VENV)/bin/python -m pytest -n 2 -m "not tools" $(PYTEST_ARGS)

# Needs Linux and strace. SCORECARD_ARGS="--sample" is what continuous integration runs; "--only NAME …" measures these alone.
scorecard: environment
	@$(VENV)/bin/python tests/faults/scorecard.py $(SCORECARD_ARGS)

check: environment
	@bash .ci/run format types words hosts

# Begun anew each time, for mutmut does not notice a test that has become weaker. Whoever writes tests against survivors calls it again
# as it stands here, with their names behind it.
mutants: environment
	@rm -rf mutants
	@PLUMBLINE_HYPOTHESIS=first $(VENV)/bin/mutmut run --max-children 2
	@$(VENV)/bin/python tests/faults/mutants.py

# $(VENV)/made-from holds what the environment was made from, so a second call is one comparison. It is written last: an
# environment whose making was interrupted is made again.
MADE_FROM = { pwd -P; cat pyproject.toml requirements.lock; }

environment:
	@set -eu; unset PYTHONHOME PYTHONPATH; \
	if $(MADE_FROM) | cmp -s - $(VENV)/made-from && $(VENV)/bin/python -c '' 2>/dev/null; then exit 0; fi; \
	found=; lacking=; \
	for candidate in $(PYTHON) python3.13 python3.12 python3.11 python3 python; do \
	    "$$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 || continue; \
	    if "$$candidate" -c 'import ensurepip, venv' >/dev/null 2>&1; then found=$$candidate; break; fi; \
	    lacking=$$candidate; \
	done; \
	if [ -z "$$found" ] && [ -n "$$lacking" ]; then \
	    echo "$$lacking is new enough, but its venv and ensurepip modules are missing." >&2; \
	    echo "Install them (Debian, Ubuntu: apt install python3-venv), or name another Python: make PYTHON=/path/to/python3" >&2; \
	    exit 1; \
	elif [ -z "$$found" ]; then \
	    echo "plumbline needs Python 3.11 or newer; none of python3.13, python3.12, python3.11, python3 on the PATH is that." >&2; \
	    echo "Install one (Debian, Ubuntu: apt install python3 python3-venv), or name one: make PYTHON=/path/to/python3" >&2; \
	    exit 1; \
	fi; \
	echo "making the environment $(VENV) with $$("$$found" --version), from requirements.lock (once; a minute or so)"; \
	if [ "$$(head -n 1 $(VENV)/made-from 2>/dev/null)" != "$$(pwd -P)" ] || ! $(VENV)/bin/python -m pip --version >/dev/null 2>&1; then \
	    "$$found" -m venv --clear $(VENV); \
	fi; \
	rm -f $(VENV)/made-from; \
	PIP_DISABLE_PIP_VERSION_CHECK=1 $(VENV)/bin/python -m pip install --quiet --require-hashes -r requirements.lock; \
	PIP_DISABLE_PIP_VERSION_CHECK=1 $(VENV)/bin/python -m pip install --quiet --no-deps --no-build-isolation --editable .; \
	$(MADE_FROM) > $(VENV)/made-from

# In an environment of its own: what looks at a release is not among what it looks at.
release-check: environment
	@$(VENV)/bin/python -m venv --clear .venv-release
	@.venv-release/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-release.lock
	@bash .ci/release

# Universal: one lock for Python 3.11 and newer on every platform, with the hashes of all files, and no index named.
# An extra stands with its package (coverage[toml]): pip takes a bare pin for another requirement, and looks for a newer release.
# The run-time lock is a part of the other one: what a user's own environment needs, in the same versions.
LOCK = uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-emit-index-url --no-emit-find-links --no-strip-extras

lock:
	@command -v uv >/dev/null || { echo "make lock needs uv on the PATH (pip install uv, in an environment of its own)" >&2; exit 1; }
	$(LOCK) --upgrade --extra dev pyproject.toml --output-file requirements.lock
	$(LOCK) --constraint requirements.lock --no-annotate pyproject.toml --output-file requirements-runtime.lock
	$(LOCK) --upgrade --no-annotate --group pyproject.toml:release --output-file requirements-release.lock

clean:
	rm -rf $(VENV) .venv-release build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis .coverage .coverage.* htmlcov mutants
	find ledger schemas cli reports tests bench -name __pycache__ -type d -prune -exec rm -rf {} +
